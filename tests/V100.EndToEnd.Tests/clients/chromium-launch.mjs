// Chromium as every test starts it: headless, fake camera and microphone, no outside request, a new profile each time.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, trust } from './driver.mjs';

export async function launchChromium(fps, authority) {
  // Chromium looks for its certificates below its home.
  const home = authority && mkdtempSync(join(tmpdir(), 'v100-chromium-'));
  if (home) trust(join(home, '.pki/nssdb'), authority);
  const { chromium } = load('playwright-core');
  return chromium.launchServer({
    executablePath: process.env.V100_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    env: home ? { ...process.env, HOME: home } : process.env,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', '--use-fake-ui-for-media-stream',
      `--use-fake-device-for-media-stream=fps=${fps}`, '--autoplay-policy=no-user-gesture-required',
      '--disable-background-timer-throttling', '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows',
      '--allow-loopback-in-peer-connection',
      // One switch: only the last of its name counts.
      '--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,Translate,MediaRouter,OptimizationHints',
    ],
  });
}

/** Kills the browser with all its processes at once, so that nothing says goodbye to the server. */
export function killChromium(server) {
  process.kill(-server.process().pid, 'SIGKILL');
}

export async function connectChromium(server) {
  const { chromium } = load('playwright-core');
  return chromium.connect(server.wsEndpoint());
}

/** An init script: keeps the page's connections within reach of the test. */
export function keepConnections() {
  window.connections = [];
  window.RTCPeerConnection = class extends window.RTCPeerConnection {
    constructor(...args) {
      super(...args);
      window.connections.push(this);
    }
  };
}
