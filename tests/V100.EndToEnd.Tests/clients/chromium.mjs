// Chromium as a WHIP publisher or WHEP player: node chromium.mjs publish|play --url URL --token TOKEN [--codec vp8|vp9|h264|av1] ...
import { connectChromium, killChromium, launchChromium } from './chromium-launch.mjs';
import { emit, fail, options, run, servePage } from './driver.mjs';

const config = options();
try {
  const server = await launchChromium(config.fps, config.authority);
  const browser = await connectChromium(server);
  const page = await (await browser.newContext()).newPage();
  page.on('console', (message) => message.type() === 'error' && emit('log', { message: message.text() }));
  await page.goto(await servePage());
  await page.waitForFunction('window.ready');
  emit('started', { version: browser.version() });
  await run({
    evaluate: (source) => page.evaluate(source),
    kill: () => killChromium(server),
    close: () => server.close(),
  }, config);
} catch (error) {
  fail(error);
}
