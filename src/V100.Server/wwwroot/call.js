// The API and its sessions: WHIP to publish, WHEP to play. Knows nothing of the page.

export class ApiError extends Error {
  constructor(status, problem) {
    super(problem.detail || `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = problem.code || "";
  }
}

export class Api {
  constructor(token) {
    this.token = token;
  }

  async call(method, path, { body, type, headers, keepalive } = {}) {
    // Without credentials no browser asks for a password on a 401.
    const response = await fetch(path, {
      method,
      body,
      keepalive,
      credentials: "omit",
      cache: "no-store",
      headers: { Authorization: `Bearer ${this.token}`, ...(type && { "Content-Type": type }), ...headers },
    });
    if (response.ok) return response;
    let problem = {};
    try {
      problem = await response.json();
    } catch {
      // Whatever stands between the server and this page answered.
    }
    throw new ApiError(response.status, problem);
  }

  async mint(room, identity) {
    const response = await this.call("POST", "/v1/tokens", { type: "application/json", body: JSON.stringify({ room, identity, name: identity }) });
    return (await response.json()).token;
  }

  async participants(room) {
    const response = await this.call("GET", `/v1/rooms/${encodeURIComponent(room)}/participants`);
    return (await response.json()).participants;
  }
}

/** One WHIP or WHEP session. onstate(state) hears "connecting", "live", "lost" and "ended". */
class Session {
  constructor(api, path, onstate) {
    this.api = api;
    this.path = path;
    this.onstate = onstate;
    this.pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
    this.location = null;
    this.etag = null;
    this.answer = null;
    this.closed = false;
    this.restarting = false;
    this.pc.addEventListener("connectionstatechange", () => this.watch());
  }

  async start() {
    await this.pc.setLocalDescription(await this.pc.createOffer());
    // The server has a public address and finds ours from the first check: nothing to gather, nothing to wait for.
    const response = await this.api.call("POST", this.path, { type: "application/sdp", body: this.pc.localDescription.sdp });
    this.location = response.headers.get("Location");
    this.etag = response.headers.get("ETag");
    this.answer = await response.text();
    if (this.closed) {
      await this.remove();
      return;
    }
    await this.pc.setRemoteDescription({ type: "answer", sdp: this.answer });
  }

  /** What the server knows of it; null before it answered, or when it has gone. */
  async view() {
    if (!this.location || this.closed) return null;
    return (await this.api.call("GET", this.location)).json();
  }

  watch() {
    const state = this.pc.connectionState;
    if (this.closed) return;
    if (state === "connected") this.onstate("live");
    if (state === "disconnected") this.onstate("lost");
    if (state === "failed" || state === "closed") this.restart();
  }

  /** A new ICE session on the same media session (RFC 9725, 4.3.3). */
  async restart() {
    if (this.restarting || !this.location) return;
    this.restarting = true;
    this.onstate("lost");
    try {
      await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart: true }));
      const response = await this.api.call("PATCH", this.location, {
        type: "application/trickle-ice-sdpfrag",
        headers: { "If-Match": "*" },
        body: fragmentOf(this.pc.localDescription.sdp),
      });
      this.etag = response.headers.get("ETag") || this.etag;
      this.answer = mergeFragment(this.answer, await response.text());
      await this.pc.setRemoteDescription({ type: "answer", sdp: this.answer });
    } catch {
      if (!this.closed) this.onstate("ended");
    } finally {
      this.restarting = false;
    }
  }

  async close() {
    this.closed = true;
    // The server is told before the transport goes: a session that ended by itself would be gone already.
    await Promise.race([this.remove(), new Promise(resolve => setTimeout(resolve, 2000))]);
    this.pc.close();
  }

  async remove(keepalive = false) {
    const location = this.location;
    this.location = null;
    if (!location) return;
    try {
      await this.api.call("DELETE", location, { keepalive });
    } catch {
      // It ended by itself, or ends when its consent runs out.
    }
  }
}

export class Publication extends Session {
  constructor(api, room, stream, onstate) {
    super(api, `/v1/rooms/${encodeURIComponent(room)}/whip`, onstate);
    for (const track of stream.getTracks()) this.pc.addTransceiver(track, { direction: "sendonly", streams: [stream] });
  }
}

export class Playback extends Session {
  constructor(api, room, identity, onstate) {
    super(api, `/v1/rooms/${encodeURIComponent(room)}/whep?participant=${encodeURIComponent(identity)}`, onstate);
    this.stream = new MediaStream();
    this.pc.addTransceiver("audio", { direction: "recvonly" });
    this.pc.addTransceiver("video", { direction: "recvonly" });
    this.pc.addEventListener("track", event => this.stream.addTrack(event.track));
  }
}

/** Figures of one session out of getStats: the newest against those before. */
export class Figures {
  constructor(pc) {
    this.pc = pc;
    this.bytes = 0;
    this.at = 0;
    this.lost = 0;
    this.packets = 0;
  }

  async read() {
    const found = { resolution: null, fps: null, kbps: null, rtt: null, loss: null, jitter: null };
    let bytes = 0;
    let lost = 0;
    let packets = 0;
    let at = 0;
    (await this.pc.getStats()).forEach(report => {
      const inbound = report.type === "inbound-rtp";
      if (inbound || report.type === "outbound-rtp") {
        bytes += inbound ? report.bytesReceived || 0 : report.bytesSent || 0;
        at = report.timestamp;
        if (inbound) {
          lost += Math.max(0, report.packetsLost || 0);
          packets += report.packetsReceived || 0;
        }
        if (report.kind === "video" && report.frameWidth) {
          found.resolution = `${report.frameWidth}×${report.frameHeight}`;
          found.fps = report.framesPerSecond ?? 0;
        }
      }
      if (report.type === "remote-inbound-rtp" && report.fractionLost !== undefined) found.loss = Math.max(found.loss ?? 0, report.fractionLost * 100);
      if ((inbound || report.type === "remote-inbound-rtp") && report.jitter !== undefined) found.jitter = Math.max(found.jitter ?? 0, report.jitter * 1000);
      if (report.type === "candidate-pair" && report.state === "succeeded" && report.currentRoundTripTime !== undefined) found.rtt = report.currentRoundTripTime * 1000;
    });
    if (this.at && at > this.at) {
      found.kbps = Math.max(0, (bytes - this.bytes) * 8 / (at - this.at));
      const expected = packets - this.packets + lost - this.lost;
      if (expected > 0) found.loss = Math.max(0, (lost - this.lost) * 100 / expected);
    }
    Object.assign(this, { bytes, at, lost, packets });
    return found;
  }
}

/** The ICE part of an offer, for the section that carries the bundle (RFC 8840, 4.4). */
function fragmentOf(sdp) {
  const lines = sdp.split(/\r?\n/);
  const pick = prefix => lines.find(line => line.startsWith(prefix));
  return [pick("a=ice-options:"), pick("a=group:BUNDLE"), pick("m="), pick("a=mid:"), pick("a=ice-ufrag:"), pick("a=ice-pwd:")]
    .filter(Boolean).join("\r\n") + "\r\n";
}

/** The answer with the credentials and candidates of a fragment. */
function mergeFragment(answer, fragment) {
  const parts = fragment.split(/\r?\n/);
  const ufrag = parts.find(line => line.startsWith("a=ice-ufrag:"));
  const pwd = parts.find(line => line.startsWith("a=ice-pwd:"));
  if (!ufrag || !pwd) return answer;
  return answer.split(/\r?\n/)
    .map(line => line.startsWith("a=ice-ufrag:") ? ufrag : line.startsWith("a=ice-pwd:") ? pwd : line)
    .join("\r\n");
}
