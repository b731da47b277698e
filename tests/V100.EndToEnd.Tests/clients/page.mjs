// Two people on V100's own page: one fills in the form, one follows a link. Reports what each sees of the other, takes a picture, leaves.
import { connectChromium, keepConnections, launchChromium } from './chromium-launch.mjs';
import { emit, fail, options } from './driver.mjs';

const config = options();
const limit = { timeout: 30000 };

function watch(page) {
  page.on('console', (message) => {
    // A beacon may find its session ended, and a server may know none: the browser says so, the page does not mind.
    if (message.location().url.endsWith('/v1/beacons') && message.text().includes('404')) return;
    if (message.type() === 'error') emit('console', { message: message.text() });
  });
  page.on('pageerror', (error) => emit('console', { message: String(error) }));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(config.url) && !/^(data|blob):/.test(url)) emit('outside', { url });
  });
}

/** In the page: the other's video, read twice, and what getStats counts. */
async function look(other) {
  const video = document.querySelector(`video[data-identity="${other}"]`);
  const canvas = document.createElement('canvas');
  canvas.width = 160;
  canvas.height = 90;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const read = () => {
    context.drawImage(video, 0, 0, 160, 90);
    return context.getImageData(0, 0, 160, 90).data;
  };
  const first = read();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const second = read();
  const colours = [...second.keys()].filter((i) => i % 4 !== 3);
  let framesDecoded = 0;
  let audioEnergy = 0;
  for (const connection of window.connections) {
    for (const report of (await connection.getStats()).values()) {
      if (report.type !== 'inbound-rtp') continue;
      framesDecoded += report.framesDecoded ?? 0;
      audioEnergy += report.totalAudioEnergy ?? 0;
    }
  }
  return {
    moved: colours.reduce((sum, i) => sum + Math.abs(first[i] - second[i]), 0) > 200,
    black: Math.max(...colours.map((i) => second[i])) < 24,
    width: video.videoWidth, height: video.videoHeight, framesDecoded, audioEnergy,
    charts: Object.fromEntries([...video.closest('.tile').querySelectorAll('[data-value]')].map((e) => [e.dataset.value, e.textContent])),
    lines: [...video.closest('.tile').querySelectorAll('[data-meter] path')].map((e) => e.getAttribute('d') ?? ''),
    picture: video.closest('.tile').querySelector('.picture').textContent,
  };
}

/** The other's picture is there, its sound was heard, and every chart has a value. */
const complete = async (other) => {
  const video = document.querySelector(`video[data-identity="${other}"]`);
  if (!(video?.videoWidth > 0)) return false;
  if ([...video.closest('.tile').querySelectorAll('[data-value]')].some((e) => e.textContent === '–' && e.dataset.value !== 'score')) return false;
  const reports = (await Promise.all(window.connections.map((c) => c.getStats()))).flatMap((r) => [...r.values()]);
  return reports.some((r) => r.type === 'inbound-rtp' && r.kind === 'audio' && r.totalAudioEnergy > 0);
};

/** waitForFunction takes the promise of an asynchronous predicate for its truth; this waits for what it says. */
async function until(page, predicate, argument) {
  const end = Date.now() + limit.timeout;
  while (!await page.evaluate(predicate, argument)) {
    if (Date.now() > end) throw new Error(`not within ${limit.timeout} ms: ${predicate} of ${argument}`);
    await page.waitForTimeout(100);
  }
}

try {
  const server = await launchChromium(15);
  const browser = await connectChromium(server);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: 'dark' });
  await context.addInitScript(keepConnections);
  const open = async (query) => {
    const page = await context.newPage();
    watch(page);
    await page.goto(`${config.url}?${new URLSearchParams(query)}#token=${config.token}`);
    return page;
  };
  const ada = await open({ room: 'demo' });
  await ada.fill('#identity', 'Ada');
  await ada.selectOption('#source', 'test');
  await ada.click('#join');
  await ada.waitForSelector('#call:not([hidden])', limit);
  const ben = await open({ room: 'demo', identity: 'Ben', source: 'test', autojoin: '1' });
  for (const [page, other] of [[ada, 'Ben'], [ben, 'Ada']]) {
    await page.bringToFront();
    await until(page, complete, other);
    emit('seen', { other, ...await page.evaluate(look, other) });
  }
  await ada.bringToFront();
  await ada.click('#leave');
  await ada.waitForSelector('#lobby:not([hidden])', limit);
  await ben.waitForFunction(() => !document.querySelector('video[data-identity="Ada"]'), null, limit);
  await ben.click('#leave');
  await ben.waitForSelector('#lobby:not([hidden])', limit);
  emit('left');
  await server.close();
  process.exit(0);
} catch (error) {
  fail(error);
}
