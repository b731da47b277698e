// A WHIP publisher or WHEP player inside a browser's page. The drivers (chromium.mjs, firefox.mjs) call window.peer.
const video = document.getElementById('video');

class Peer {
  /** options: {role: 'publish'|'play', url, token, codec?, width, height, fps, audio, candidate?: 'address:port', relay?: 'udp'|'tcp'|'tls', encodings?: [RTCRtpEncodingParameters]} */
  constructor(options) {
    this.options = options;
    this.stream = null;
  }

  /** Opens camera and microphone once; joins after that measure signalling and media alone. */
  async openDevices() {
    const { width, height, fps, audio } = this.options;
    this.stream = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: fps }, audio });
    video.muted = true;
    video.srcObject = this.stream;
  }

  /** From the POST of the offer to the first decoded frame (player) or to the connected state (publisher). */
  async join() {
    const { role } = this.options;
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', ...await this.#relayed() });
    if (role === 'publish') {
      if (!this.stream) await this.openDevices();
      for (const track of this.stream.getTracks()) {
        const simulcast = track.kind === 'video' && this.options.encodings;
        this.pc.addTransceiver(track, { direction: 'sendonly', streams: [this.stream], ...(simulcast && { sendEncodings: simulcast }) });
      }
    } else {
      for (const kind of this.options.audio ? ['video', 'audio'] : ['video']) this.pc.addTransceiver(kind, { direction: 'recvonly' });
    }
    if (this.options.codec) preferCodec(this.pc, role, this.options.codec);
    const connected = new Promise((resolve) => {
      this.pc.onconnectionstatechange = () => { if (this.pc.connectionState === 'connected') resolve(performance.now()); };
    });
    const frame = role === 'play' ? this.#attach() : null;
    await this.pc.setLocalDescription(await this.pc.createOffer());
    const began = performance.now();
    const response = await fetch(this.options.url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/sdp', Authorization: `Bearer ${this.options.token}` },
      body: this.pc.localDescription.sdp,
    });
    const answer = await response.text();
    if (response.status !== 201) throw new Error(`POST ${this.options.url}: ${response.status} ${answer}`);
    this.session = new URL(response.headers.get('Location'), response.url).href;
    this.etag = response.headers.get('ETag');
    const answered = performance.now();
    await this.pc.setRemoteDescription({ type: 'answer', sdp: this.#steered(answer) });
    const connectedMs = (await connected) - began;
    const ms = frame ? (await frame) - began : connectedMs;
    return { ms, answeredMs: answered - began, connectedMs, session: new URL(this.session).pathname, etag: this.etag };
  }

  /** With nothing but the server's own TURN, over one transport. */
  async #relayed() {
    const { relay, url, token } = this.options;
    if (!relay) return {};
    const response = await fetch(new URL('/v1/ice-servers', url), { headers: { Authorization: `Bearer ${token}` } });
    const wanted = { udp: /^turn:.*transport=udp$/, tcp: /^turn:.*transport=tcp$/, tls: /^turns:/ }[relay];
    const iceServers = (await response.json()).iceServers
      .map((server) => ({ ...server, urls: server.urls.filter((u) => wanted.test(u)) }))
      .filter((server) => server.urls.length > 0);
    return { iceServers, iceTransportPolicy: 'relay' };
  }

  /** Shows what arrives, listens to it, and resolves with the time of the first frame. */
  #attach() {
    const shown = new MediaStream();
    this.pc.ontrack = ({ track }) => {
      shown.addTrack(track);
      if (track.kind === 'audio') this.#listen(track);
    };
    video.muted = false;
    video.srcObject = shown;
    video.play().catch(() => {});
    return new Promise((resolve) => video.requestVideoFrameCallback((now) => {
      resolve(performance.now());
      this.#noteFrame();
    }));
  }

  /** Each frame that is shown: the longest time between two of them since `watch`. */
  #noteFrame() {
    const now = performance.now();
    this.frameGapMs = Math.max(this.frameGapMs ?? 0, now - (this.frameAt ?? now));
    this.frameAt = now;
    video.requestVideoFrameCallback(() => this.#noteFrame());
  }

  watch() {
    this.frameGapMs = 0;
  }

  #listen(track) {
    this.audio ??= new AudioContext();
    const analyser = this.audio.createAnalyser();
    analyser.fftSize = 32768;
    this.audio.createMediaStreamSource(new MediaStream([track])).connect(analyser);
    this.analyser = analyser;
  }

  /** Leaves one protocol's candidates, or sends the media to another address than the server's own (a rebinding relay of the test). */
  #steered(sdp) {
    if (this.options.only) {
      const kept = new RegExp(`^a=candidate:\\S+ \\d+ ${this.options.only} `, 'i');
      return sdp.split('\r\n').filter((line) => !line.startsWith('a=candidate:') || kept.test(line)).join('\r\n');
    }
    if (!this.options.candidate) return sdp;
    const [address, port] = this.options.candidate.split(/:(?=\d+$)/);
    let kept = 0;
    return sdp.split('\r\n')
      .filter((line) => !line.startsWith('a=candidate:') || / udp /i.test(line) && line.includes('.') )
      .map((line) => {
        if (!line.startsWith('a=candidate:')) return line;
        const part = line.split(' ');
        part[0] = `a=candidate:${++kept}`;
        part[4] = address;
        part[5] = port;
        return part.join(' ');
      })
      .join('\r\n');
  }

  /** What getStats says, summed over the streams. */
  async stats() {
    const report = [...(await this.pc.getStats()).values()];
    const sum = (type, kind, name) => report
      .filter((s) => s.type === type && s.kind === kind).reduce((total, s) => total + (s[name] ?? 0), 0);
    // After an ICE restart the former pair is there for a while too; Firefox says which one is used on the pair itself.
    const used = report.find((s) => s.type === 'transport' && s.selectedCandidatePairId)?.selectedCandidatePairId;
    const pair = report.find((s) => s.type === 'candidate-pair' && (used ? s.id === used : s.selected || s.nominated && s.state === 'succeeded'));
    const local = pair && report.find((s) => s.id === pair.localCandidateId);
    const remote = pair && report.find((s) => s.id === pair.remoteCandidateId);
    const stream = report.find((s) => (s.type === 'inbound-rtp' || s.type === 'outbound-rtp') && s.kind === 'video');
    const codec = stream && report.find((s) => s.id === stream.codecId);
    return {
      state: this.pc.connectionState,
      framesDecoded: sum('inbound-rtp', 'video', 'framesDecoded'),
      framesEncoded: sum('outbound-rtp', 'video', 'framesEncoded'),
      bytesReceived: sum('inbound-rtp', 'video', 'bytesReceived') + sum('inbound-rtp', 'audio', 'bytesReceived'),
      bytesSent: sum('outbound-rtp', 'video', 'bytesSent') + sum('outbound-rtp', 'audio', 'bytesSent'),
      packetsLost: sum('inbound-rtp', 'video', 'packetsLost'),
      keyFramesDecoded: sum('inbound-rtp', 'video', 'keyFramesDecoded'),
      nackCount: sum('inbound-rtp', 'video', 'nackCount') + sum('outbound-rtp', 'video', 'nackCount'),
      pliCount: sum('inbound-rtp', 'video', 'pliCount') + sum('outbound-rtp', 'video', 'pliCount'),
      freezeCount: sum('inbound-rtp', 'video', 'freezeCount'),
      // The gap that is open at this moment counts too.
      frameGapMs: this.frameAt && Math.max(this.frameGapMs, performance.now() - this.frameAt),
      audioPackets: sum('inbound-rtp', 'audio', 'packetsReceived'),
      audioEnergy: sum('inbound-rtp', 'audio', 'totalAudioEnergy') + this.#heard(),
      remoteReports: report.filter((s) => s.type === 'remote-inbound-rtp').length,
      roundTripMs: pair?.currentRoundTripTime * 1000,
      availableBitrate: pair?.availableOutgoingBitrate,
      width: stream?.frameWidth, height: stream?.frameHeight, fps: stream?.framesPerSecond,
      codec: codec?.mimeType,
      local: local && `${local.address}:${local.port}`, localType: local?.candidateType, relayProtocol: local?.relayProtocol, protocol: local?.protocol, ufrag: local?.usernameFragment,
      remote: remote && `${remote.address}:${remote.port}`,
      encodings: report.filter((s) => s.type === 'outbound-rtp' && s.kind === 'video').map(outgoing),
      quality: this.quality?.figures(),
      beacon: {
        at: new Date().toISOString(),
        framesDecoded: sum('inbound-rtp', 'video', 'framesDecoded'),
        freezeCount: sum('inbound-rtp', 'video', 'freezeCount'),
        totalFreezesDurationMs: sum('inbound-rtp', 'video', 'totalFreezesDuration') * 1000,
        framesPerSecond: sum('inbound-rtp', 'video', 'framesPerSecond'),
        frameWidth: sum('inbound-rtp', 'video', 'frameWidth'),
        frameHeight: sum('inbound-rtp', 'video', 'frameHeight'),
        packetsLost: Math.max(0, sum('inbound-rtp', 'video', 'packetsLost') + sum('inbound-rtp', 'audio', 'packetsLost')),
        packetsReceived: sum('inbound-rtp', 'video', 'packetsReceived') + sum('inbound-rtp', 'audio', 'packetsReceived'),
        jitterMs: sum('inbound-rtp', 'audio', 'jitter') * 1000,
        roundTripMs: (pair?.currentRoundTripTime ?? 0) * 1000,
        concealedSamples: sum('inbound-rtp', 'audio', 'concealedSamples'),
        totalSamples: sum('inbound-rtp', 'audio', 'totalSamplesReceived'),
        bytesReceived: sum('inbound-rtp', 'video', 'bytesReceived') + sum('inbound-rtp', 'audio', 'bytesReceived'),
      },
    };
  }

  /** What the viewer sees and hears, from now on. */
  async measure() {
    this.quality?.stop();
    this.quality = new Quality(this.pc, video);
    return {};
  }

  /** The energy of the last 0.7 s of sound, for browsers whose getStats has none. */
  #heard() {
    if (!this.analyser) return 0;
    const samples = new Float32Array(this.analyser.fftSize);
    this.analyser.getFloatTimeDomainData(samples);
    this.energy = (this.energy ?? 0) + samples.reduce((total, s) => total + s * s, 0) / samples.length;
    return this.energy;
  }

  /** Two canvas reads of what is shown: how far apart, and how bright. */
  async picture() {
    const first = this.#read();
    await new Promise((resolve) => setTimeout(resolve, 400));
    const second = this.#read();
    let difference = 0;
    let brightest = 0;
    for (let i = 0; i < first.length; i++) {
      if (i % 4 === 3) continue;
      difference += Math.abs(first[i] - second[i]);
      brightest = Math.max(brightest, second[i]);
    }
    return { difference, brightest, moved: difference > 200, black: brightest < 24 };
  }

  #read() {
    const canvas = document.createElement('canvas');
    canvas.width = 160;
    canvas.height = 90;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    return context.getImageData(0, 0, canvas.width, canvas.height).data;
  }

  /** ICE restart by PATCH (RFC 9725, 4.3.3). */
  async restartIce() {
    await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart: true }));
    const lines = this.pc.localDescription.sdp.split('\r\n');
    const media = lines.findIndex((line) => line.startsWith('m='));
    const section = lines.slice(media);
    const wanted = /^a=(mid|ice-ufrag|ice-pwd):/;
    const fragment = [
      ...lines.slice(0, media).filter((line) => /^a=(group|ice-options):/.test(line)),
      section[0],
      ...['mid', 'ice-ufrag', 'ice-pwd'].map((name) => section.find((line) => line.startsWith(`a=${name}:`))),
    ].filter((line, i) => i === 0 || line.startsWith('m=') || wanted.test(line) || line.startsWith('a=ice-options'));
    const response = await fetch(this.session, {
      method: 'PATCH',
      headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', Authorization: `Bearer ${this.options.token}`, 'If-Match': '*' },
      body: fragment.join('\r\n') + '\r\n',
    });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`PATCH: ${response.status} ${text}`);
    const find = (name) => text.split(/\r?\n/).find((line) => line.startsWith(`a=${name}:`));
    const fresh = text.split(/\r?\n/).filter((line) => line.startsWith('a=candidate:'));
    const sdp = this.pc.remoteDescription.sdp.split('\r\n').filter((line) => fresh.length === 0 || !line.startsWith('a=candidate:'))
      .flatMap((line) => {
        if (line.startsWith('a=ice-ufrag:')) return [find('ice-ufrag'), ...fresh];
        return line.startsWith('a=ice-pwd:') ? [find('ice-pwd')] : [line];
      });
    await this.pc.setRemoteDescription({ type: 'answer', sdp: sdp.join('\r\n') });
    return { etag: response.headers.get('ETag'), previous: this.etag };
  }

  /** Ends the session by DELETE, then closes. */
  async leave() {
    const response = await fetch(this.session, { method: 'DELETE', headers: { Authorization: `Bearer ${this.options.token}` } });
    this.pc.close();
    return { status: response.status };
  }
}

/** One simulcast stream of a publisher. */
const outgoing = (s) => ({
  rid: s.rid, width: s.frameWidth, height: s.frameHeight, fps: s.framesPerSecond, frames: s.framesEncoded, bytes: s.bytesSent,
  plis: s.pliCount, nacks: s.nackCount, limit: s.qualityLimitationReason, target: s.targetBitrate,
});

/** Gaps between the frames that are shown, and stretches of sound that the receiver made up; both in milliseconds. */
class Quality {
  static #intervalMs = 100;

  constructor(pc, video) {
    this.pc = pc;
    this.video = video;
    this.began = performance.now();
    this.frames = 0;
    this.gaps = [];
    this.previous = this.began;
    this.smallest = { width: Infinity, height: Infinity };
    this.sizes = {};
    this.concealedRun = 0;
    this.longestConcealed = 0;
    if (video.requestVideoFrameCallback) this.#next();
    this.timer = setInterval(() => this.#sample(), Quality.#intervalMs);
  }

  stop() {
    clearInterval(this.timer);
    this.stopped = true;
  }

  figures() {
    const now = performance.now();
    const all = [...this.gaps, { at: this.previous - this.began, ms: now - this.previous }];
    const { audio, first } = this;
    return {
      seconds: (now - this.began) / 1000,
      frames: this.frames,
      framesPerSecond: this.frames / ((now - this.began) / 1000),
      longestGapMs: Math.max(...all.map((gap) => gap.ms)),
      gaps: all.filter((gap) => gap.ms > 300).map((gap) => ({ at: Math.round(gap.at), ms: Math.round(gap.ms) })),
      lastFrameMs: this.previous - this.began,
      smallestWidth: this.smallest.width, smallestHeight: this.smallest.height, sizes: this.sizes,
      samples: audio && audio.totalSamplesReceived - first.totalSamplesReceived,
      concealed: audio && audio.concealedSamples - first.concealedSamples,
      longestConcealedMs: this.longestConcealed,
    };
  }

  #next() {
    this.video.requestVideoFrameCallback((now, frame) => {
      this.#onFrame(performance.now(), frame.width, frame.height);
      if (!this.stopped) this.#next();
    });
  }

  #onFrame(now, width, height) {
    this.frames++;
    this.gaps.push({ at: this.previous - this.began, ms: now - this.previous });
    this.previous = now;
    this.sizes[`${width}x${height}`] = (this.sizes[`${width}x${height}`] ?? 0) + 1;
    this.smallest.width = Math.min(this.smallest.width, width);
    this.smallest.height = Math.min(this.smallest.height, height);
  }

  async #sample() {
    const report = [...(await this.pc.getStats()).values()];
    const audio = report.find((s) => s.type === 'inbound-rtp' && s.kind === 'audio');
    if (!audio) return;
    this.first ??= audio;
    const concealed = audio.concealedSamples - (this.audio ?? audio).concealedSamples;
    this.concealedRun = concealed > 0 ? this.concealedRun + concealed : 0;
    this.longestConcealed = Math.max(this.longestConcealed, this.concealedRun / 48);
    this.audio = audio;
  }
}

function preferCodec(pc, role, codec) {
  const kept = /\/(rtx|red|ulpfec|flexfec-03)$/i;
  const all = RTCRtpReceiver.getCapabilities('video').codecs;
  const able = role === 'publish' ? RTCRtpSender.getCapabilities('video').codecs : all;
  const wanted = able.filter((c) => c.mimeType.toLowerCase() === `video/${codec}`);
  if (wanted.length === 0) throw new Error(`this browser has no ${codec}`);
  const transceiver = pc.getTransceivers().find((t) => (t.sender.track ?? t.receiver.track).kind === 'video');
  transceiver.setCodecPreferences([...wanted, ...able.filter((c) => kept.test(c.mimeType))]);
}

window.createPeer = (options) => { window.peer = new Peer(options); };
window.ready = true;
