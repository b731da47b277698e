import { V100Client, V100Error } from "./v100.js";
import { People } from "./people.js";
import { Tile } from "./tile.js";

const $ = id => document.getElementById(id);
const figuresMs = 1000;

/** What has ended while its publisher is there is played again after so long. */
const againMs = 5000;

/** One stay in a room. The listener has onEnd(title, text), onProblem(error), onLink(isGood), onBlocked(). */
export class Call {
  #client;
  #listener;
  #events = null;
  #publication = null;
  #own = null;
  #others = new Map();
  #people;
  #wasSeen = false;
  #isClosed = false;

  /** admin is the client of who may mute and remove; else null. */
  constructor({ token, admin, room, identity, source, listener }) {
    this.#client = new V100Client({ token, room });
    this.#listener = listener;
    this.identity = identity;
    this.source = source;
    this.#people = new People($("people-list"), admin, listener.onProblem);
  }

  async start() {
    if (this.source.stream) {
      this.#own = new Tile(this.identity, { own: true, mirror: this.source.mirror });
      $("grid").append(this.#own.element);
      this.#own.state("connecting");
      this.#publication = await this.#client.publish(this.source.stream, { onState: state => this.#onPublication(state) });
      this.#own.attach(this.source.stream, this.#publication);
    } else {
      await this.#checkToken();
    }
    this.#events = this.#client.events({
      onChange: (room, changes) => this.#follow(room),
      onState: (state, reason) => this.#onEvents(state, reason),
    });
    this.#tick();
  }

  /** Who only watches asks for nothing until somebody sends: a token that is not taken is to be known now. */
  async #checkToken() {
    try {
      await this.#client.request("GET", this.#client.path("/participants?limit=1"));
    } catch (error) {
      if (!(error instanceof V100Error) || error.code !== "room-not-found") throw error;
    }
  }

  #onPublication(state) {
    this.#own.state(state);
    // Where it does not begin, publish throws.
    if (state === "ended" && this.#publication && !this.#isClosed) this.#end();
  }

  #onEvents(state, reason) {
    if (this.#isClosed) return;
    if (state === "ended" && reason === "token_expired") this.#listener.onEnd("Your token has expired.", "Join again with another one.");
    else if (state === "ended") this.#end();
    // A watcher is there before the room.
    else if (state !== "lost" || this.#wasSeen || this.#others.size > 0) this.#listener.onLink(state === "live");
  }

  #end() {
    this.#listener.onEnd("You are out of the room.", "The session ended: the room was closed, you were removed, or the connection was away too long. Join again to come back.");
  }

  #follow(room) {
    if (this.#isClosed) return;
    const self = room.participants.get(this.identity);
    if (this.#publication && this.#wasSeen && !self) {
      this.#end();
      return;
    }
    this.#wasSeen ||= self !== undefined;
    const publishers = [...room.participants.values()].filter(one => one.identity !== this.identity && one.tracks.size > 0);
    for (const { identity } of publishers) if (!this.#others.has(identity)) this.#add(identity);
    for (const identity of this.#others.keys()) if (!publishers.some(one => one.identity === identity)) this.#drop(identity);
    for (const tile of this.#tiles()) if (room.participants.has(tile.identity)) tile.show(room.participants.get(tile.identity), room.speakers);
    this.#people.show(room, this.identity);
    $("grid").dataset.count = this.#tiles().length;
    const count = `· ${room.participants.size} ${room.participants.size === 1 ? "participant" : "participants"}`;
    if ($("count").textContent !== count) $("count").textContent = count;
    $("alone").hidden = this.#others.size > 0;
  }

  #tiles() {
    return [this.#own, ...[...this.#others.values()].map(other => other.tile)].filter(Boolean);
  }

  async #add(identity) {
    const tile = new Tile(identity, { onBlocked: this.#listener.onBlocked });
    const other = { tile, playback: null, endedAt: null };
    this.#others.set(identity, other);
    $("grid").append(tile.element);
    tile.state("connecting");
    $("announce").textContent = `${identity} is here.`;
    try {
      other.playback = await this.#client.play({
        participant: identity,
        onState: state => {
          tile.state(state);
          if (state === "ended") other.endedAt = performance.now();
        },
      });
      if (this.#others.get(identity) === other) tile.attach(other.playback.stream, other.playback);
      else await other.playback.stop();
    } catch (error) {
      if (!this.#isClosed && this.#others.get(identity) === other) this.#listener.onProblem(error);
    }
  }

  #drop(identity) {
    const { tile, playback } = this.#others.get(identity);
    this.#others.delete(identity);
    tile.remove();
    playback?.stop();
    $("announce").textContent = `${identity} left.`;
  }

  async #tick() {
    if (this.#isClosed) return;
    await Promise.all(this.#tiles().map(tile => tile.update().catch(() => {})));
    if (this.#isClosed) return;
    for (const [identity, other] of this.#others) {
      if (other.endedAt === null || performance.now() - other.endedAt < againMs) continue;
      this.#drop(identity);
      this.#add(identity);
    }
    setTimeout(() => this.#tick(), figuresMs);
  }

  toggle(kind) {
    let enabled = true;
    for (const track of this.source.stream?.getTracks() ?? []) {
      if (track.kind === kind) enabled = track.enabled = !track.enabled;
    }
    return enabled;
  }

  unmute() {
    for (const { tile } of this.#others.values()) {
      tile.video.muted = false;
      tile.play();
    }
  }

  async close() {
    this.#isClosed = true;
    this.#events?.stop();
    this.#tiles().forEach(tile => tile.remove());
    this.#others.clear();
    this.#people.clear();
    this.source.stop();
    await this.#client.stop();
  }

  /** The page goes away: requests that outlive it. */
  abandon() {
    this.#isClosed = true;
    this.#client.stop(true);
  }
}
