// Three people on V100's own page: one joins by keyboard alone, mutes and removes others; looked at light and dark, wide and on a phone.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { connectChromium, launchChromium } from './chromium-launch.mjs';
import { emit, fail, options } from './driver.mjs';

const config = options();
const limit = { timeout: 20000 };
const axe = readFileSync(createRequire(new URL('../../../artifacts/clients/', import.meta.url)).resolve('axe-core/axe.min.js'), 'utf8');
const views = [
  { name: 'page', width: 1440, height: 600, colorScheme: 'light' },
  { name: 'page-dark', width: 1440, height: 600, colorScheme: 'dark' },
  { name: 'page-phone', width: 390, height: 844, colorScheme: 'light' },
  { name: 'page-phone-dark', width: 390, height: 844, colorScheme: 'dark' },
];

const tile = (name) => `.tile:has(video[data-identity="${name}"])`;
const person = (name) => `.person:has(.name:text-matches("^${name}"))`;

/** What axe-core finds that hinders people. The script comes by the debugger: the page's policy lets no other in. */
async function examine(page, view) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  for (const { id, impact, nodes } of violations) emit('finding', { view, id, impact, nodes: nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`) });
  emit('examined', { view });
}

async function joinByKeyboard(page) {
  await page.goto(`${config.url}?room=demo#token=${config.token}`);
  await page.waitForFunction(() => document.activeElement?.id === 'identity', null, limit);
  await page.keyboard.press('ControlOrMeta+A');
  await page.keyboard.type('Ada');
  const stops = [];
  for (let i = 0; i < 10 && stops.at(-1)?.id !== 'join'; i++) {
    await page.keyboard.press('Tab');
    const stop = await page.evaluate(() => {
      const { id, tagName } = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
      return { id: id || tagName, ring: outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 };
    });
    if (stop.id === 'source') await page.keyboard.type('Test');
    stops.push(stop);
  }
  await page.keyboard.press('Enter');
  await page.waitForSelector(tile('Ada'), limit);
  await page.waitForFunction(() => document.activeElement?.id === 'where-room', null, limit);
  emit('keyboard', { stops });
}

/** Another by the link, with beacons that a server takes (202) or does not know (404). */
async function joinByLink(context, identity, status) {
  const page = await context.newPage();
  const beacons = [];
  await page.route('**/v1/beacons', (route) => {
    beacons.push(route.request().postDataJSON());
    return route.fulfill({ status });
  });
  await page.goto(`${config.url}?${new URLSearchParams({ room: 'demo', identity, source: 'test', autojoin: '1' })}#token=${config.token}`);
  return { page, beacons };
}

async function picture(page, view) {
  await page.emulateMedia({ colorScheme: view.colorScheme });
  await page.setViewportSize({ width: view.width, height: view.height });
  // What lies wider than the screen would be lost on a phone; what lies below it is to be on the picture.
  const { overflow, height } = await page.evaluate(() => ({ overflow: document.documentElement.scrollWidth - innerWidth, height: document.documentElement.scrollHeight }));
  await page.setViewportSize({ width: view.width, height });
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await page.screenshot({ path: join(config.screenshot, `${view.name}.png`) });
  emit('pictured', { view: view.name, overflow });
  await examine(page, view.name);
}

const live = (page, name) => page.waitForSelector(`${tile(name)}[data-state="live"][data-picture]`, limit);

try {
  const server = await launchChromium(15);
  const browser = await connectChromium(server);
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, colorScheme: 'light' });
  const ada = await context.newPage();
  await joinByKeyboard(ada);
  const ben = await joinByLink(context, 'Ben', 202);
  const cleo = await joinByLink(context, 'Cleo', 404);
  for (const [page, names] of [[ada, ['Ben', 'Cleo']], [ben.page, ['Ada', 'Cleo']], [cleo.page, ['Ada', 'Ben']]]) {
    await page.bringToFront();
    for (const name of names) await live(page, name);
  }
  await ada.bringToFront();
  await ada.waitForSelector('.tile[data-speaking], .person[data-speaking]', limit);
  emit('speaking');

  // Charts have a past when the beacons have come twice.
  await ben.page.waitForFunction(() => performance.getEntriesByType('resource').filter((entry) => entry.name.endsWith('/v1/beacons')).length >= 2, null, limit);
  emit('beacons', { taken: ben.beacons, refused: cleo.beacons.length });
  for (const view of views) await picture(ada, view);
  await ada.emulateMedia({ colorScheme: 'light' });
  await ada.setViewportSize(views[0]);

  for (const [choice, shown] of [['m', '180p m'], ['paused', 'none'], ['m', '180p m']]) {
    await ada.selectOption(`${tile('Ben')} select`, choice);
    await ada.waitForSelector(`${tile('Ben')} [data-value="layer"]:text-is("${shown}")`, limit);
  }
  emit('layered');

  await ada.click('[aria-label="Mute microphone of Ben"]');
  await ben.page.waitForSelector(`${tile('Ben')} .muted:text-is("sound muted")`, limit);
  await ada.click('[aria-label="Unmute microphone of Ben"]');
  await ben.page.waitForSelector(`${tile('Ben')} .muted:text-is("")`, { ...limit, state: 'attached' });
  emit('muted');

  await ada.click('[aria-label="Remove Cleo"]');
  await cleo.page.waitForSelector('#error:not([hidden]) >> text=You are out of the room', limit);
  for (const page of [ada, ben.page]) {
    await page.waitForSelector(tile('Cleo'), { ...limit, state: 'detached' });
    await page.waitForSelector(person('Cleo'), { ...limit, state: 'detached' });
  }
  emit('removed');

  await ada.click('#leave');
  await ada.waitForSelector('#rooms li', limit);
  await examine(ada, 'lobby');
  await ada.emulateMedia({ colorScheme: 'dark' });
  await examine(ada, 'lobby-dark');
  await ada.screenshot({ path: join(config.screenshot, 'page-lobby.png') });
  await server.close();
  process.exit(0);
} catch (error) {
  fail(error);
}
