import { Chart, rate } from "./charts.js";
import { readFigures } from "./figures.js";

const statuses = { connecting: "Connecting…", lost: "Connection lost, trying again…", ended: "Ended", live: "" };

const reasons = {
  no_layer_active: "Nothing is sent",
  paused_by_client: "Paused by this page",
  best: "The best there is",
  constrained_by_client: "As this page asked",
  estimate_too_low: "The path carries no more",
  holding_back: "Waits before it rises",
};

/** One participant's picture with its charts. */
export class Tile {
  #charts;
  #session = null;
  #limit = "auto";
  #fitted = "";

  /** onBlocked is called where the browser wants a click before there is sound. */
  constructor(identity, { own = false, mirror = false, onBlocked } = {}) {
    this.identity = identity;
    this.own = own;
    this.onBlocked = onBlocked;
    this.element = document.getElementById("tile").content.firstElementChild.cloneNode(true);
    this.element.setAttribute("aria-label", own ? `${identity} (you)` : identity);
    this.video = this.#part("video");
    this.video.dataset.identity = identity;
    this.video.muted = own;
    this.video.setAttribute("aria-label", own ? "Your picture" : `Picture of ${identity}`);
    if (mirror) this.element.dataset.mirror = "";
    this.#part(".name").textContent = own ? `${identity} (you)` : identity;
    this.#part(".initial").textContent = [...identity][0];
    this.#charts = this.#makeCharts();
    this.video.addEventListener("resize", () => {
      if (this.video.videoWidth) this.element.dataset.picture = "";
    });
    this.#prepareLayers();
  }

  #part(selector) {
    return this.element.querySelector(selector);
  }

  #makeCharts() {
    const chart = (name, kind, floor) => [name, new Chart(this.#part(`[data-meter="${name}"]`), kind, floor)];
    return Object.fromEntries([
      chart("bitrate", "area", 100_000), chart("estimate", "line", 100_000), chart("layer", "steps", 180),
      chart("loss", "line", 5), chart("roundTrip", "line", 50), chart("score", "line", 5),
    ]);
  }

  /** Which encoding comes: by the tile's size, by hand, or none. */
  #prepareLayers() {
    const select = this.#part("select");
    select.setAttribute("aria-label", `Layer of ${this.identity}`);
    if (this.own) select.remove();
    select.addEventListener("change", () => {
      this.#limit = select.value;
      this.#fitted = "";
      this.#applyLayer();
    });
  }

  async #applyLayer() {
    if (this.own || this.#session?.state !== "live") return;
    const { clientWidth, clientHeight } = this.video;
    if (clientWidth === 0 || clientHeight === 0) return;
    const fits = this.#limit === "auto";
    const size = { width: Math.round(clientWidth * devicePixelRatio), height: Math.round(clientHeight * devicePixelRatio) };
    const wish = {
      paused: this.#limit === "paused",
      maxLayer: fits || this.#limit === "paused" ? null : this.#limit,
      ...(fits ? size : { width: null, height: null }),
    };
    const text = JSON.stringify(wish);
    if (text === this.#fitted) return;
    this.#fitted = text;
    await this.#session.setLayer(wish).catch(() => this.#fitted = "");
  }

  attach(stream, session) {
    this.#session = session;
    this.video.srcObject = stream;
    this.play();
  }

  play() {
    this.video.play().catch(error => {
      // Sound needs a click first: the picture goes on without it.
      if (error.name !== "NotAllowedError" || this.video.muted) return;
      this.video.muted = true;
      this.onBlocked();
      this.video.play().catch(() => {});
    });
  }

  state(state) {
    this.element.dataset.state = state;
    this.#part(".status").textContent = statuses[state];
  }

  /** What the room's events say of it. */
  show(participant, speakers) {
    const tracks = [...participant.tracks.values()];
    const heard = speakers.loudest.includes(this.identity);
    this.element.toggleAttribute("data-speaking", heard && speakers.dominant === this.identity);
    const muted = tracks.filter(track => track.muted).map(track => track.kind === "audio" ? "sound" : "picture");
    this.#part(".muted").textContent = muted.length > 0 ? `${muted.join(" and ")} muted` : "";
    const video = tracks.find(track => track.kind === "video");
    if (this.own) this.#part(".why").textContent = !video ? "" : video.wanted.length === 0 ? "Nobody takes your picture now" : `Others take ${video.wanted.join(" and ") || "your picture"}`;
    const select = this.#part("select");
    const rids = video?.layers.filter(Boolean) ?? [];
    if (select && select.dataset.rids !== rids.join()) {
      select.dataset.rids = rids.join();
      select.replaceChildren(new Option("Layer: fits", "auto"), ...rids.toReversed().map(rid => new Option(`At most ${rid}`, rid)), new Option("No picture", "paused"));
      select.value = this.#limit = rids.includes(this.#limit) || this.#limit === "paused" ? this.#limit : "auto";
    }
  }

  /** Once a second: the figures of the server and of this browser. */
  async update() {
    const session = this.#session;
    if (!session) return;
    await this.#applyLayer();
    const [figures, view] = await Promise.all([readFigures(session.connection), session.view()]);
    if (!view) return;
    const streams = view.streams.filter(stream => stream.direction === (this.own ? "in" : "out"));
    const video = streams.find(stream => stream.kind === "video");
    const bitrate = streams.reduce((sum, stream) => sum + stream.bitrateBps, 0);
    const estimate = this.own ? figures.outgoingBps : view.availableBitrateBps ?? null;
    const losses = streams.map(stream => stream.lossFraction).filter(loss => loss !== undefined);
    const loss = losses.length > 0 ? 100 * Math.max(...losses) : null;
    const roundTrip = view.roundTripMs ?? figures.roundTripMs;
    const lines = video ? video.height ?? 0 : null;
    const { bitrate: rates, estimate: estimates, layer, loss: lost, roundTrip: trips, score: scores } = this.#charts;
    rates.push(bitrate, rate(bitrate));
    estimates.push(estimate, rate(estimate));
    layer.push(lines, lines ? `${lines}p${video.layer ? ` ${video.layer}` : ""}` : "none");
    lost.push(loss, `${loss?.toFixed(1)} %`);
    trips.push(roundTrip, `${roundTrip?.toFixed(roundTrip < 10 ? 1 : 0)} ms`);
    const score = view.score === undefined ? null : Math.round(view.score * 10) / 10;
    scores.push(score, score?.toFixed(1));
    this.element.dataset.quality = score === null ? "" : score >= 4 ? "good" : score >= 3 ? "fair" : "poor";
    if (!this.own) this.#part(".why").textContent = reasons[video?.reason] ?? "";
    this.#part(".picture").textContent = figures.picture ? `${figures.picture.width}×${figures.picture.height} · ${Math.round(figures.fps)} fps` : "";
  }

  remove() {
    this.video.srcObject = null;
    this.element.remove();
  }
}
