import { Api, ApiError, Figures, Playback, Publication } from "./call.js";
import { Charts } from "./charts.js";
import { openSource, SourceError } from "./media.js";

const $ = id => document.getElementById(id);
const query = new URLSearchParams(location.search);
const pollMs = 1000;

let call = null;

// ---------------------------------------------------------------- lobby

function prepare() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  $("room").value = query.get("room") || "demo";
  $("identity").value = query.get("identity") || localStorage.getItem("identity") || `guest-${Math.random().toString(36).slice(2, 6)}`;
  const source = query.get("source");
  if (["camera", "test", "none"].includes(source)) $("source").value = source;
  $("token").value = new URLSearchParams(location.hash.slice(1)).get("token") || "";
  $("token-box").open = !$("token").value;
  if (query.get("autojoin") === "1") join();
  else ($("token").value ? $("identity") : $("token")).focus();
}

function showError(title, text) {
  $("error-title").textContent = title;
  $("error-text").textContent = text;
  $("error").hidden = false;
}

function hideError() {
  $("error").hidden = true;
}

function explain(error) {
  if (error instanceof SourceError) return ["No camera.", error.message];
  if (error instanceof ApiError) {
    if (error.status === 401) return ["The token is not accepted.", `${error.message} Open the link that the server printed at its start, or paste another token under “Access token”.`];
    if (error.status === 403) return ["Not allowed.", `${error.message} Use a token that grants it, or another room.`];
    if (error.status === 503) return ["The server takes no one now.", `${error.message} Try again in a moment.`];
    return ["The server refused.", error.message];
  }
  if (error instanceof TypeError) return ["The server does not answer.", "Check that it runs and that this page can reach it, then try again."];
  return ["Something failed.", error.message];
}

/** The claims of a token, unchecked: only to know what to ask the server for. */
function claimsOf(token) {
  try {
    const part = token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), symbol => symbol.charCodeAt(0))));
  } catch {
    return null;
  }
}

async function join() {
  if (call || $("join").disabled) return;
  hideError();
  const pasted = $("token").value.trim();
  if (!pasted) {
    $("token-box").open = true;
    $("token").focus();
    showError("A token is missing.", "Open the link that the server printed at its start, or paste a token under “Access token”.");
    return;
  }
  $("join").disabled = true;
  $("join").textContent = "Joining…";
  let source = null;
  try {
    let room = $("room").value.trim();
    let identity = $("identity").value.trim();
    const claims = claimsOf(pasted);
    const mints = claims?.video?.roomAdmin === true;
    if (claims && !mints) {
      // A participant's token says who and where.
      room = claims.video?.room || room;
      identity = claims.sub || identity;
    }
    if (!room || !identity) throw new Error("Room and name must not be empty.");
    source = await openSource($("source").value, identity);
    const token = mints ? await new Api(pasted).mint(room, identity) : pasted;
    call = new Call(new Api(token), room, identity, source);
    await call.start();
    localStorage.setItem("identity", identity);
    enterCall(room, mints ? pasted : null);
  } catch (error) {
    if (call) await call.close();
    else source?.stop();
    call = null;
    showError(...explain(error));
    if (error instanceof ApiError && error.status === 401) $("token-box").open = true;
  } finally {
    $("join").disabled = false;
    $("join").textContent = "Join";
  }
}

function enterCall(room, adminToken) {
  document.body.dataset.view = "call";
  document.title = `${room} · V100`;
  $("lobby").hidden = true;
  $("call").hidden = $("bar").hidden = $("where").hidden = false;
  $("where-room").textContent = room;
  const link = new URL("/", location.href);
  link.searchParams.set("room", room);
  if (adminToken) link.hash = new URLSearchParams({ token: adminToken });
  $("invite").dataset.link = link.href;
  link.searchParams.set("source", "test");
  link.searchParams.set("autojoin", "1");
  link.searchParams.set("identity", `test-${Math.random().toString(36).slice(2, 6)}`);
  $("alone-link").href = link.href;
  for (const [id, kind] of [["mic", "audio"], ["camera", "video"]]) {
    $(id).hidden = !call.source.stream?.getTracks().some(track => track.kind === kind);
    $(id).setAttribute("aria-pressed", "true");
  }
  $("leave").focus();
}

async function leave() {
  const ended = call;
  call = null;
  document.body.dataset.view = "lobby";
  document.title = "V100";
  $("lobby").hidden = false;
  $("call").hidden = $("bar").hidden = $("where").hidden = $("sound").hidden = true;
  $("join").focus();
  await ended?.close();
}

// ---------------------------------------------------------------- call

class Tile {
  constructor(identity, { own = false, mirror = false } = {}) {
    this.element = $("tile").content.firstElementChild.cloneNode(true);
    this.video = this.element.querySelector("video");
    this.video.dataset.identity = identity;
    this.video.muted = own;
    this.video.setAttribute("aria-label", own ? "Your picture" : `Picture of ${identity}`);
    if (mirror) this.element.dataset.mirror = "";
    this.element.querySelector(".name").textContent = identity;
    this.element.querySelector(".initial").textContent = [...identity][0];
    this.element.querySelector(".tag").textContent = own ? "you" : "";
    this.video.addEventListener("resize", () => {
      if (this.video.videoWidth) this.element.dataset.picture = "";
    });
    this.figures = null;
    this.charts = new Charts(this.element.querySelector(".charts"));
    $("grid").append(this.element);
  }

  attach(stream, pc) {
    this.video.srcObject = stream;
    this.figures = pc && new Figures(pc);
    this.play();
  }

  play() {
    this.video.play().catch(error => {
      // Sound needs a click first: the picture goes on without it.
      if (error.name !== "NotAllowedError" || this.video.muted) return;
      this.video.muted = true;
      $("sound").hidden = false;
      this.video.play().catch(() => {});
    });
  }

  state(state) {
    this.element.dataset.state = state;
    this.element.querySelector(".status").textContent = { connecting: "Connecting…", lost: "Connection lost, trying again…", ended: "Ended", live: "" }[state];
  }

  async update() {
    if (!this.figures) return;
    const found = await this.figures.read();
    const write = (name, value, digits) => {
      const text = value === null ? "–" : typeof value === "string" ? value : value.toFixed(digits);
      this.element.querySelector(`[data-figure="${name}"]`).textContent = text;
    };
    write("resolution", found.resolution);
    write("fps", found.fps, 0);
    write("kbps", found.kbps, 0);
    write("rtt", found.rtt, 0);
    write("loss", found.loss, 1);
    write("jitter", found.jitter, 1);
  }

  /** Charts are of what is played: of what goes out, the browser alone knows the estimate. */
  async chart(session) {
    const view = await session?.view();
    if (view) this.charts.show(view);
  }

  remove() {
    this.video.srcObject = null;
    this.element.remove();
  }
}

class Call {
  constructor(api, room, identity, source) {
    Object.assign(this, { api, room, identity, source });
    this.others = new Map();
    this.publication = null;
    this.tile = null;
    this.closed = false;
  }

  async start() {
    if (this.source.stream) {
      this.tile = new Tile(this.identity, { own: true, mirror: this.source.mirror });
      this.tile.state("connecting");
      this.publication = new Publication(this.api, this.room, this.source.stream, state => this.onPublication(state));
      this.tile.attach(this.source.stream, this.publication.pc);
      await this.publication.start();
    } else {
      // A watcher's token is checked here rather than at the first poll.
      await this.readParticipants();
    }
    this.tick();
  }

  onPublication(state) {
    this.tile.state(state);
    if (state === "ended" && call === this) {
      leave();
      showError("You are out of the room.", "The session ended: the room was closed, you were removed, or the connection was away too long. Join again to come back.");
    }
  }

  async readParticipants() {
    try {
      return await this.api.participants(this.room);
    } catch (error) {
      if (error instanceof ApiError && error.code === "room-not-found") return [];
      throw error;
    }
  }

  /** Once a second: who is there, and the figures of every stream. */
  async tick() {
    if (this.closed) return;
    try {
      const present = await this.readParticipants();
      if (this.closed) return;
      if (document.body.dataset.link === "lost") hideError();
      document.body.dataset.link = "good";
      this.follow(present);
    } catch (error) {
      if (document.body.dataset.link !== "lost" && !this.closed) {
        document.body.dataset.link = "lost";
        showError(...explain(error));
      }
    }
    const others = [...this.others.values()];
    await Promise.all([
      ...[this.tile, ...others.map(other => other.tile)].map(tile => tile?.update().catch(() => {})),
      ...others.map(other => other.tile.chart(other.playback).catch(() => {})),
    ]);
    if (!this.closed) setTimeout(() => this.tick(), pollMs);
  }

  follow(present) {
    const publishers = new Set(present.filter(one => one.identity !== this.identity && one.tracks.length > 0).map(one => one.identity));
    for (const identity of publishers) if (!this.others.has(identity)) this.add(identity);
    for (const [identity, other] of this.others) if (!publishers.has(identity) || other.ended) this.drop(identity);
    const count = this.others.size + (this.tile ? 1 : 0);
    $("grid").dataset.count = count;
    $("count").textContent = `· ${present.length} ${present.length === 1 ? "participant" : "participants"}`;
    $("alone").hidden = this.others.size > 0;
  }

  async add(identity) {
    const other = { tile: new Tile(identity), playback: null, ended: false };
    this.others.set(identity, other);
    other.tile.state("connecting");
    $("announce").textContent = `${identity} is here.`;
    other.playback = new Playback(this.api, this.room, identity, state => {
      other.tile.state(state);
      other.ended = state === "ended";
    });
    other.tile.attach(other.playback.stream, other.playback.pc);
    try {
      await other.playback.start();
    } catch (error) {
      other.ended = true;
      other.tile.state("ended");
      if (!this.closed) showError(...explain(error));
    }
  }

  drop(identity) {
    const other = this.others.get(identity);
    this.others.delete(identity);
    other.tile.remove();
    other.playback.close();
    $("announce").textContent = `${identity} left.`;
  }

  toggle(kind) {
    let enabled = true;
    for (const track of this.source.stream?.getTracks() ?? []) {
      if (track.kind === kind) enabled = track.enabled = !track.enabled;
    }
    return enabled;
  }

  unmute() {
    for (const other of this.others.values()) {
      other.tile.video.muted = false;
      other.tile.play();
    }
  }

  sessions() {
    return [this.publication, ...[...this.others.values()].map(other => other.playback)].filter(Boolean);
  }

  async close() {
    this.closed = true;
    const sessions = this.sessions();
    for (const identity of [...this.others.keys()]) this.others.get(identity).tile.remove();
    this.others.clear();
    this.tile?.remove();
    this.source.stop();
    await Promise.all(sessions.map(session => session.close()));
  }

  /** The page goes away: requests that outlive it. */
  abandon() {
    for (const session of this.sessions()) session.remove(true);
  }
}

// ---------------------------------------------------------------- controls

$("form").addEventListener("submit", event => {
  event.preventDefault();
  join();
});
$("leave").addEventListener("click", leave);
$("error-close").addEventListener("click", hideError);
$("mic").addEventListener("click", () => $("mic").setAttribute("aria-pressed", call.toggle("audio")));
$("camera").addEventListener("click", () => $("camera").setAttribute("aria-pressed", call.toggle("video")));
$("sound").addEventListener("click", () => {
  $("sound").hidden = true;
  call.unmute();
});
$("figures").addEventListener("click", () => {
  const shown = document.body.dataset.figures !== "off";
  document.body.dataset.figures = shown ? "off" : "on";
  $("figures").setAttribute("aria-pressed", !shown);
});
$("invite").addEventListener("click", async () => {
  const label = $("invite").querySelector("span");
  try {
    await navigator.clipboard.writeText($("invite").dataset.link);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Not copied";
  }
  setTimeout(() => label.textContent = "Copy link", 2000);
});
$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("theme", document.documentElement.dataset.theme = dark ? "light" : "dark");
});
addEventListener("pagehide", () => call?.abandon());

prepare();
