// What the browser drivers share: arguments, the page's server on loopback (a secure context wherever V100 is), JSON lines out, commands in.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

const here = new URL('.', import.meta.url);

/** A package that build.cs installed into artifacts/clients. */
export function load(name) {
  return createRequire(new URL('../../../artifacts/clients/', import.meta.url))(name);
}

/** A certificate store of Mozilla's library in a folder, with one authority that it trusts. */
export function trust(folder, authority) {
  mkdirSync(folder, { recursive: true });
  execFileSync('certutil', ['-N', '-d', `sql:${folder}`, '--empty-password']);
  execFileSync('certutil', ['-A', '-d', `sql:${folder}`, '-n', 'test authority', '-t', 'C,,', '-i', authority]);
}

/** One event per line on standard output. */
export function emit(event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n');
}

export function options() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      url: { type: 'string' }, token: { type: 'string' }, codec: { type: 'string' },
      width: { type: 'string', default: '640' }, height: { type: 'string', default: '360' }, fps: { type: 'string', default: '30' },
      joins: { type: 'string', default: '1' }, candidate: { type: 'string' }, relay: { type: 'string' }, authority: { type: 'string' }, only: { type: 'string' }, 'no-audio': { type: 'boolean', default: false },
      screenshot: { type: 'string' }, encodings: { type: 'string' },
    },
  });
  return {
    role: positionals[0], url: values.url, token: values.token, codec: values.codec, candidate: values.candidate, relay: values.relay,
    authority: values.authority, only: values.only,
    width: Number(values.width), height: Number(values.height), fps: Number(values.fps), joins: Number(values.joins),
    audio: !values['no-audio'], screenshot: values.screenshot, encodings: values.encodings && JSON.parse(values.encodings),
  };
}

/** Serves peer.html and peer.js; resolves with the address. */
export async function servePage() {
  const types = { '/peer.html': 'text/html', '/peer.js': 'text/javascript' };
  const server = createServer(async (request, response) => {
    if (!types[request.url]) return response.writeHead(404).end();
    response.writeHead(200, { 'Content-Type': types[request.url] }).end(await readFile(new URL('.' + request.url, here)));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.unref();
  return `http://127.0.0.1:${server.address().port}/peer.html`;
}

/**
 * Runs one client: joins, then a stats line (and for a player a picture line) twice a second until the command `stop` or the end of
 * standard input. `evaluate(source)` runs an expression in the page; `kill()` ends the browser with no goodbye.
 */
export async function run({ evaluate, kill, close }, config) {
  await evaluate(`window.createPeer(${JSON.stringify(config)})`);
  if (config.role === 'publish') await evaluate('window.peer.openDevices()');
  for (let i = 1; i <= config.joins; i++) {
    emit('joined', { join: i, ...await evaluate('window.peer.join()') });
    if (i < config.joins) emit('left', await evaluate('window.peer.leave()'));
  }
  const commands = {
    stop: async () => { emit('left', await evaluate('window.peer.leave()')); await close(); process.exit(0); },
    restart: async () => emit('restarted', await evaluate('window.peer.restartIce()')),
    die: async () => { kill(); process.exit(0); },
    measure: async () => { measuring = true; emit('measuring', await evaluate('window.peer.measure()')); },
  };
  // Reading pictures back costs what a busy machine needs for showing them.
  let measuring = false;
  // One command at a time, and never beside a reading.
  const queue = [];
  createInterface({ input: process.stdin }).on('line', (line) => queue.push(line.trim())).on('close', () => queue.push('stop'));
  for (;;) {
    while (queue.length > 0) {
      const command = queue.shift();
      await (commands[command] ?? (async () => emit('error', { message: `no command ${command}` })))();
    }
    emit('stats', await evaluate('window.peer.stats()'));
    if (config.role === 'play' && !measuring) emit('picture', await evaluate('window.peer.picture()'));
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

export function fail(error) {
  emit('error', { message: String(error?.stack ?? error) });
  process.exit(1);
}
