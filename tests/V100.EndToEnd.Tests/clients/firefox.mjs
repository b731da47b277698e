// Firefox as a WHIP publisher or WHEP player, by WebDriver BiDi. It never pairs a loopback address: run it in a network namespace.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emit, fail, load, options, run, servePage, trust } from './driver.mjs';

const media = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
  'media.peerconnection.ice.loopback': true,
  'media.peerconnection.ice.obfuscate_host_addresses': false,
  'media.peerconnection.ice.default_address_only': false,
  'media.autoplay.default': 0,
  'media.autoplay.blocking_policy': 0,
  'network.lna.enabled': false,
  'network.lna.blocking': false,
};

// Or each start tries the outside network.
const quiet = {
  'app.update.enabled': false,
  'app.update.auto': false,
  'app.normandy.enabled': false,
  'app.shield.optoutstudies.enabled': false,
  'browser.safebrowsing.malware.enabled': false,
  'browser.safebrowsing.phishing.enabled': false,
  'browser.safebrowsing.downloads.remote.enabled': false,
  'browser.safebrowsing.provider.mozilla.updateURL': '',
  'browser.newtabpage.enabled': false,
  'browser.region.update.enabled': false,
  'datareporting.healthreport.uploadEnabled': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'dom.push.connection.enabled': false,
  'extensions.update.enabled': false,
  'extensions.systemAddon.update.enabled': false,
  'media.gmp-manager.updateEnabled': false,
  'media.gmp-gmpopenh264.autoupdate': false,
  'network.captive-portal-service.enabled': false,
  'network.connectivity-service.enabled': false,
  'services.settings.server': 'data:,#remote-settings-dummy/v1',
  'toolkit.telemetry.enabled': false,
  'toolkit.telemetry.server': '',
  'toolkit.telemetry.unified': false,
};

const config = options();
try {
  const puppeteer = load('puppeteer-core');
  const profile = config.authority && mkdtempSync(join(tmpdir(), 'v100-firefox-'));
  if (profile) trust(profile, config.authority);
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.V100_FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    ...(profile && { userDataDir: profile }),
    extraPrefsFirefox: { ...media, ...quiet },
  });
  const page = await browser.newPage();
  await page.goto(await servePage());
  await page.waitForFunction('window.ready');
  emit('started', { version: await browser.version() });
  await run({
    evaluate: (source) => page.evaluate(source),
    kill: () => process.kill(-browser.process().pid, 'SIGKILL'),
    close: () => browser.close(),
  }, config);
} catch (error) {
  fail(error);
}
