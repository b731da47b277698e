// The client library on a product's own page, of another origin: the README's lines between two people, and a stream of events that breaks.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connectChromium, keepConnections, launchChromium } from './chromium-launch.mjs';
import { emit, fail, options } from './driver.mjs';

const config = options();
const limit = { timeout: 20000 };
const root = new URL('../../../', import.meta.url);
const snippet = readFileSync(new URL('README.md', root), 'utf8').match(/```html\n([^]*?)```/)[1];

/** Each connection of the stream gets the next of these: a status, and what is written before it is cut. */
const room = {
  room: 'r', speakers: { dominant: null, loudest: [] },
  participants: [{ identity: 'Zoé', joinedAt: 'then', tracks: [{ trackId: 'z1', kind: 'audio', source: 'microphone', layers: [''], muted: false, wanted: [] }], subscriptions: [] }],
};
const tick = (id, ...changes) => `id: ${id}\nevent: tick\ndata: ${JSON.stringify({ changes })}\n\n`;
const connections = [
  { status: 404, type: 'application/problem+json', text: JSON.stringify({ code: 'room-not-found', detail: 'There is no such room.' }) },
  {
    status: 200,
    text: `retry: 2000\n\nid: 1-1\nevent: snapshot\ndata: ${JSON.stringify(room)}\n\n:\n\n`
      + tick('1-2',
        { type: 'participant_joined', identity: 'ada', joinedAt: 'now' },
        { type: 'track_published', identity: 'ada', trackId: 'a1', kind: 'video', source: 'camera', layers: ['m', 'h'], muted: false, wanted: [] },
        { type: 'levels', levels: { z1: -30, gone: -20 } },
        { type: 'speakers', dominant: 'Zoé', loudest: ['Zoé'] }),
  },
  { status: 503, type: 'application/problem+json', text: JSON.stringify({ code: 'overloaded' }) },
  {
    status: 200,
    text: tick('1-3',
      { type: 'track_muted', identity: 'Zoé', trackId: 'z1' },
      { type: 'layers_wanted', identity: 'ada', trackId: 'a1', wanted: ['h'] },
      { type: 'subscription_paused', identity: 'Zoé', subscription: 's1', reason: 'estimate_too_low', trackId: 'a1' },
      { type: 'quality', identity: 'Zoé', subscription: 's2', score: 3.5 },
      { type: 'quality', identity: 'ada', trackId: 'a1', score: 4.25 },
      { type: 'what_a_newer_server_says', identity: 'ada' },
      { type: 'participant_updated', identity: 'Zoé', name: 'Z', joinedAt: 'then' })
      + tick('1-4', { type: 'participant_left', identity: 'ada' })
      + 'event: end\ndata: {"reason":"room_ended"}\n\n',
  },
];
const asked = [];

function streamEvents(request, response) {
  const { status, type = 'text/event-stream', text } = connections[asked.length] ?? { status: 500, text: '' };
  asked.push(request.headers['last-event-id'] ?? '');
  response.writeHead(status, { 'Content-Type': type });
  // Cut in the middle of a line and of a character.
  const bytes = Buffer.from(text);
  const middle = bytes.indexOf('é') + 1 || bytes.length >> 1;
  response.write(bytes.subarray(0, middle), () => setImmediate(() => response.end(bytes.subarray(middle))));
}

function serve(request, response) {
  const { pathname } = new URL(request.url, 'http://127.0.0.1');
  if (pathname === '/v1/rooms/r/events') return streamEvents(request, response);
  if (/^\/v100[a-z-]*\.js$/.test(pathname)) {
    return response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(readFileSync(new URL(`src/V100.Server/wwwroot${pathname}`, root)));
  }
  const body = snippet.replace('http://127.0.0.1:8080/', config.url).replace('TOKEN', tokens[pathname.slice(1)] ?? '');
  return response.writeHead(200, { 'Content-Type': 'text/html' }).end(pathname === '/empty' ? '' : body);
}

const tokens = JSON.parse(config.token);

async function embed(context, origin) {
  const pages = [];
  for (const name of Object.keys(tokens)) {
    const page = await context.newPage();
    page.heard = '';
    page.patched = [];
    page.on('response', (response) => response.request().method() === 'PATCH' && page.patched.push(response.status()));
    page.on('console', (message) => page.heard += `${message.type()} ${message.text()}\n`);
    page.on('pageerror', (error) => page.heard += `${error}\n`);
    await page.goto(`${origin}/${name}`);
    pages.push(page);
  }
  for (const page of pages) {
    await page.bringToFront();
    await page.waitForFunction(() => document.querySelector('video').videoWidth > 0, null, limit).catch((error) => { throw new Error(`${error}\n${page.heard}`); });
    const shown = Date.now();
    while (!/ada.*ben|ben.*ada/.test(page.heard) && Date.now() - shown < limit.timeout) await page.waitForTimeout(50);
    emit('embedded', { heard: page.heard, patched: page.patched });
  }
  return pages;
}

/** As if the direct way had failed: the session asks for the relay, begins ICE anew, and what is played goes on. */
async function restart(page) {
  page.patched = [];
  await page.evaluate(() => {
    const playback = window.connections[1];
    Object.defineProperty(playback, 'connectionState', { value: 'failed', configurable: true });
    playback.dispatchEvent(new Event('connectionstatechange'));
    delete playback.connectionState;
  });
  await page.waitForFunction(() => window.connections[1].getConfiguration().iceServers.some((server) => server.credential), null, limit);
  const answered = Date.now();
  while (!page.patched.includes(200) && Date.now() - answered < limit.timeout) await page.waitForTimeout(50);
  const shown = await page.evaluate(() => document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames);
  await page.waitForFunction((before) => document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames > before + 10, shown, limit);
  emit('restarted', { patched: page.patched });
}

async function listen(page) {
  return page.evaluate(async () => {
    const { V100Client } = await import('/v100.js');
    const states = [];
    const client = new V100Client({ token: 'x', room: 'r' });
    const plain = (value) => value instanceof Map ? Object.fromEntries([...value].map(([key, one]) => [key, plain(one)])) : value;
    return new Promise((resolve) => {
      let former = null;
      const events = client.events({
        onChange: (room) => {
          if (room.participants.has('ada')) former = structuredClone(room.tracks);
        },
        onState: (state, reason) => {
          states.push(`${state} ${reason}`.trim());
          if (state !== 'ended') return;
          const { participants, tracks, speakers } = events.room;
          const zoe = participants.get('Zoé');
          resolve({ states, before: plain(former), zoe: { ...zoe, tracks: plain(zoe.tracks), subscriptions: plain(zoe.subscriptions) }, left: [...participants.keys()], tracks: [...tracks.keys()], speakers });
        },
      });
    });
  });
}

try {
  const product = createServer(serve);
  await new Promise((resolve) => product.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${product.address().port}`;
  const server = await launchChromium(15);
  const browser = await connectChromium(server);
  const context = await browser.newContext();
  await context.addInitScript(keepConnections);
  const page = await context.newPage();
  await page.goto(`${origin}/empty`);
  emit('listened', { ...await listen(page), asked });
  const pages = await embed(context, origin);
  await restart(pages.at(-1));
  await server.close();
  process.exit(0);
} catch (error) {
  fail(error);
}
