// Sessions: to publish by WHIP (RFC 9725), to play by WHEP.
import { type Api, pauseAfter, V100Error } from "./v100-api.js";

/** "lost" is tried again by itself; "ended" is final. */
export type SessionState = "connecting" | "live" | "lost" | "ended";

export interface PublishOptions {
  /** Several sizes of the picture, from which the server picks for each who watches; true by default. */
  simulcast?: boolean;
  onState?: (state: SessionState) => void;
}

export interface PlayOptions {
  /** Whom to play; without it the room's only publisher, or who speaks. */
  participant?: string;
  onState?: (state: SessionState) => void;
}

/** What a subscription asks for at most; null lifts a limit, what is left out stays. */
export interface LayerLimit {
  /** A rid of the publisher's, or a place counted from the smallest, 0. */
  maxLayer?: string | number | null;
  /** Bits a second. */
  maxBitrate?: number | null;
  /** The size at which the picture is shown, in device pixels. */
  width?: number | null;
  height?: number | null;
  paused?: boolean | null;
  trackId?: string;
}

const mostFailures = 12;

/** One WHIP or WHEP session. It comes back by itself, by an ICE restart, as long as the server knows it. */
export class Session {
  readonly connection: RTCPeerConnection;
  /** Resolves when it is over, for whatever reason. */
  readonly ended: Promise<void>;
  protected readonly api: Api;
  readonly #path: string;
  readonly #onState: ((state: SessionState) => void) | undefined;
  readonly #candidates: string[] = [];
  #location: string | null = null;
  #entityTag = "";
  #answer = "";
  #state: SessionState = "connecting";
  #isTrickling = false;
  #isRestarting = false;
  #resolveEnded: () => void = () => {};

  constructor(api: Api, connection: RTCPeerConnection, path: string, onState?: (state: SessionState) => void) {
    this.api = api;
    this.connection = connection;
    this.#path = path;
    this.#onState = onState;
    this.ended = new Promise((resolve) => this.#resolveEnded = resolve);
    connection.addEventListener("connectionstatechange", () => this.#watch());
    connection.addEventListener("icecandidate", (event) => {
      // An empty one ends a generation, which the null that follows says too.
      if (event.candidate?.candidate === "") return;
      this.#candidates.push(event.candidate ? `a=${event.candidate.candidate}` : "a=end-of-candidates");
      void this.#trickle();
    });
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The id of the server; null before it answered and after the end. */
  get id(): string | null {
    return this.#location && decodeURIComponent(this.#location.slice(this.#location.lastIndexOf("/") + 1));
  }

  /** Opens it; `publish` and `play` of the client do. */
  async start(): Promise<void> {
    await this.connection.setLocalDescription(await this.connection.createOffer());
    // The server finds this client by its first check: nothing that is still to be gathered is waited for.
    const response = await this.api.request("POST", this.#path, { type: "application/sdp", body: this.connection.localDescription?.sdp ?? "" });
    this.#location = new URL(response.headers.get("Location") ?? "", response.url).pathname;
    this.#entityTag = response.headers.get("ETag") ?? "";
    this.#answer = await response.text();
    if (this.#state === "ended") {
      await this.#remove(false);
      return;
    }
    await this.connection.setRemoteDescription({ type: "answer", sdp: this.#answer });
    void this.#trickle();
  }

  /** What the server knows of it (GET /v1/sessions/{id}); null before it answered and after the end. */
  async view(): Promise<SessionView | null> {
    return this.#location && this.#state !== "ended" ? await (await this.api.request("GET", this.#location)).json() as SessionView : null;
  }

  async stop(keepalive = false): Promise<void> {
    this.#end();
    // The server is told before the transport goes: a session that ended by itself would be gone already.
    await Promise.race([this.#remove(keepalive), new Promise((resolve) => setTimeout(resolve, 2000))]);
    this.connection.close();
  }

  protected async patch(rest: string, body: object): Promise<void> {
    if (!this.#location) throw new Error("The session is not open.");
    await this.api.request("PATCH", this.#location + rest, { type: "application/json", body: JSON.stringify(body) });
  }

  #become(state: SessionState): void {
    if (this.#state === state || this.#state === "ended") return;
    this.#state = state;
    this.#onState?.(state);
  }

  #end(): void {
    this.#become("ended");
    this.#resolveEnded();
  }

  #watch(): void {
    const state = this.connection.connectionState;
    if (state === "connected") this.#become("live");
    if (state === "disconnected") this.#become("lost");
    if (state === "failed" || state === "closed") void this.#restart();
  }

  /** Candidates as they come (RFC 9725, 4.3.2): one request at a time, with all that came meanwhile. */
  async #trickle(): Promise<void> {
    if (this.#isTrickling || this.#isRestarting || !this.#location || !this.#entityTag || this.#candidates.length === 0) return;
    this.#isTrickling = true;
    const fragment = fragmentOf(this.connection.localDescription?.sdp ?? "", this.#candidates.splice(0));
    try {
      await this.#patchIce(this.#entityTag, fragment);
    } catch {
      // It works without them: they only spare the server a guess.
    } finally {
      this.#isTrickling = false;
    }
    void this.#trickle();
  }

  /** Until the server has taken it, does not know the session any more, or has not been reached for minutes. */
  async #restart(): Promise<void> {
    if (this.#isRestarting || !this.#location || this.#state === "ended") return;
    this.#isRestarting = true;
    this.#become("lost");
    for (let failures = 0; this.state !== "ended"; failures++) {
      try {
        await this.#renew();
        break;
      } catch (error) {
        const mayPass = error instanceof V100Error ? error.status >= 429 : error instanceof TypeError;
        if (mayPass && failures < mostFailures) {
          await pauseAfter(failures);
          continue;
        }
        this.#end();
        this.connection.close();
      }
    }
    this.#isRestarting = false;
    void this.#trickle();
  }

  /** A new ICE session under the same media (RFC 9725, 4.3.3). */
  async #renew(): Promise<void> {
    await this.#allowRelay();
    this.#candidates.length = 0;
    await this.connection.setLocalDescription(await this.connection.createOffer({ iceRestart: true }));
    const response = await this.#patchIce("*", fragmentOf(this.connection.localDescription?.sdp ?? "", []));
    this.#entityTag = response.headers.get("ETag") ?? this.#entityTag;
    this.#answer = mergeFragment(this.#answer, await response.text());
    await this.connection.setRemoteDescription({ type: "answer", sdp: this.#answer });
  }

  /** The server is public over UDP and TCP, so most reach it without its relay, which holds ports for who may use it. */
  async #allowRelay(): Promise<void> {
    const configuration = this.connection.getConfiguration();
    if (configuration.iceServers?.length) return;
    this.connection.setConfiguration({ ...configuration, iceServers: await this.api.iceServers() });
  }

  #patchIce(entityTag: string, fragment: string): Promise<Response> {
    return this.api.request("PATCH", this.#location ?? "", { type: "application/trickle-ice-sdpfrag", headers: { "If-Match": entityTag }, body: fragment });
  }

  async #remove(keepalive: boolean): Promise<void> {
    const location = this.#location;
    this.#location = null;
    if (!location) return;
    try {
      await this.api.request("DELETE", location, { keepalive });
    } catch {
      // It ended by itself, or ends when its consent runs out.
    }
  }
}

export class Publication extends Session {
  constructor(api: Api, connection: RTCPeerConnection, stream: MediaStream, { simulcast = true, onState }: PublishOptions) {
    super(api, connection, api.path("/whip"), onState);
    for (const track of stream.getTracks()) {
      const init: RTCRtpTransceiverInit = { direction: "sendonly", streams: [stream] };
      if (simulcast && track.kind === "video") init.sendEncodings = encodingsFor(track);
      connection.addTransceiver(track, init);
    }
  }
}

export class Playback extends Session {
  /** What arrives, to be the srcObject of a video element. */
  readonly stream = new MediaStream();

  constructor(api: Api, connection: RTCPeerConnection, { participant, onState }: PlayOptions) {
    super(api, connection, api.path("/whep") + (participant === undefined ? "" : `?participant=${encodeURIComponent(participant)}`), onState);
    for (const kind of ["audio", "video"]) connection.addTransceiver(kind, { direction: "recvonly" });
    connection.addEventListener("track", (event) => this.stream.addTrack(event.track));
  }

  setLayer(limit: LayerLimit): Promise<void> {
    return this.patch("/layer", limit);
  }

  /** The beacon of this moment; null where nothing has arrived yet. */
  async beacon(): Promise<Beacon | null> {
    const id = this.id;
    if (id === null || this.state === "ended") return null;
    const beacon: Beacon = { session: id, at: new Date().toISOString(), ...noCounters };
    let isEmpty = true;
    (await this.connection.getStats()).forEach((report: Partial<InboundStats> & { type: string }) => {
      if (report.type === "candidate-pair" && report.nominated) beacon.roundTripMs = (report.currentRoundTripTime ?? 0) * 1000;
      if (report.type !== "inbound-rtp") return;
      isEmpty = false;
      for (const name of summed) beacon[name] += report[name] ?? 0;
      beacon.packetsLost += Math.max(0, report.packetsLost ?? 0);
      beacon.totalFreezesDurationMs += (report.totalFreezesDuration ?? 0) * 1000;
      beacon.jitterMs = Math.max(beacon.jitterMs, (report.jitter ?? 0) * 1000);
      beacon.totalSamples += report.totalSamplesReceived ?? 0;
    });
    return isEmpty ? null : beacon;
  }
}

const summed = ["framesDecoded", "freezeCount", "framesPerSecond", "frameWidth", "frameHeight", "packetsReceived", "concealedSamples", "bytesReceived"] as const;

const noCounters = {
  framesDecoded: 0, freezeCount: 0, totalFreezesDurationMs: 0, framesPerSecond: 0, frameWidth: 0, frameHeight: 0, packetsLost: 0, packetsReceived: 0,
  jitterMs: 0, roundTripMs: 0, concealedSamples: 0, totalSamples: 0, bytesReceived: 0,
};

/** Counters since the start of a session, over its one sound and one picture, by the names of getStats. */
export type Beacon = { session: string; at: string } & typeof noCounters;

type InboundStats = Record<
  (typeof summed)[number] | "packetsLost" | "totalFreezesDuration" | "jitter" | "totalSamplesReceived" | "currentRoundTripTime", number> & { nominated: boolean };

/** What GET /v1/sessions/{id} says, as far as most need it; the server's openapi.json has all. */
export interface SessionView {
  id: string;
  identity: string;
  kind: "whip" | "whep";
  state: string;
  roundTripMs?: number;
  /** What the path to a subscriber carries. */
  availableBitrateBps?: number;
  score?: number;
  streams: StreamView[];
}

export interface StreamView {
  trackId: string;
  kind: "audio" | "video";
  direction: "in" | "out";
  codec: string;
  layer?: string;
  bitrateBps: number;
  packetsLost: number;
  lossFraction?: number;
  jitterMs?: number;
  width?: number;
  height?: number;
  framesPerSecond?: number;
  reason?: string;
  paused?: boolean;
  score?: number;
}

// Browsers send no more encodings than the picture's size is worth; what they leave out would be the largest.
const ladder = [{ minWidth: 960, count: 3 }, { minWidth: 480, count: 2 }, { minWidth: 0, count: 1 }];
const rids = ["l", "m", "h"];

function encodingsFor(track: MediaStreamTrack): RTCRtpEncodingParameters[] {
  const { width = 1280, height = 720 } = track.getSettings();
  const count = ladder.find((step) => Math.max(width, height) >= step.minWidth)?.count ?? 1;
  if (count === 1) return [{}];
  return rids.slice(rids.length - count).map((rid, place) => {
    const scale = 2 ** (count - 1 - place);
    // A small picture needs more bits for each pixel.
    const maxBitrate = Math.round(30 * (width * height / scale / scale) ** 0.8);
    return { rid, scaleResolutionDownBy: scale, maxBitrate };
  });
}

/** The ICE part of an offer, for the section that carries the bundle, and candidates (RFC 8840, 4.4). */
function fragmentOf(sdp: string, candidates: readonly string[]): string {
  const lines = sdp.split(/\r?\n/);
  const prefixes = ["a=ice-options:", "a=group:BUNDLE", "m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:"];
  const head = prefixes.map((prefix) => lines.find((line) => line.startsWith(prefix))).filter((line) => line !== undefined);
  return [...head, ...candidates].join("\r\n") + "\r\n";
}

/** The answer with the credentials of a fragment. */
function mergeFragment(answer: string, fragment: string): string {
  const parts = fragment.split(/\r?\n/);
  const ufrag = parts.find((line) => line.startsWith("a=ice-ufrag:"));
  const pwd = parts.find((line) => line.startsWith("a=ice-pwd:"));
  if (!ufrag || !pwd) return answer;
  return answer.split(/\r?\n/)
    .map((line) => line.startsWith("a=ice-ufrag:") ? ufrag : line.startsWith("a=ice-pwd:") ? pwd : line)
    .join("\r\n");
}
