// Sessions: to publish by WHIP (RFC 9725), to play by WHEP.
import { pauseAfter, V100Error } from "./v100-api.js";
const mostFailures = 12;
/** One WHIP or WHEP session. It comes back by itself, by an ICE restart, as long as the server knows it. */
export class Session {
    connection;
    /** Resolves when it is over, for whatever reason. */
    ended;
    api;
    #path;
    #onState;
    #candidates = [];
    #location = null;
    #entityTag = "";
    #answer = "";
    #state = "connecting";
    #isTrickling = false;
    #isRestarting = false;
    #resolveEnded = () => { };
    constructor(api, connection, path, onState) {
        this.api = api;
        this.connection = connection;
        this.#path = path;
        this.#onState = onState;
        this.ended = new Promise((resolve) => this.#resolveEnded = resolve);
        connection.addEventListener("connectionstatechange", () => this.#watch());
        connection.addEventListener("icecandidate", (event) => {
            // An empty one ends a generation, which the null that follows says too.
            if (event.candidate?.candidate === "")
                return;
            this.#candidates.push(event.candidate ? `a=${event.candidate.candidate}` : "a=end-of-candidates");
            void this.#trickle();
        });
    }
    get state() {
        return this.#state;
    }
    /** The id of the server; null before it answered and after the end. */
    get id() {
        return this.#location && decodeURIComponent(this.#location.slice(this.#location.lastIndexOf("/") + 1));
    }
    /** Opens it; `publish` and `play` of the client do. */
    async start() {
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
    async view() {
        return this.#location && this.#state !== "ended" ? await (await this.api.request("GET", this.#location)).json() : null;
    }
    async stop(keepalive = false) {
        this.#end();
        // The server is told before the transport goes: a session that ended by itself would be gone already.
        await Promise.race([this.#remove(keepalive), new Promise((resolve) => setTimeout(resolve, 2000))]);
        this.connection.close();
    }
    async patch(rest, body) {
        if (!this.#location)
            throw new Error("The session is not open.");
        await this.api.request("PATCH", this.#location + rest, { type: "application/json", body: JSON.stringify(body) });
    }
    #become(state) {
        if (this.#state === state || this.#state === "ended")
            return;
        this.#state = state;
        this.#onState?.(state);
    }
    #end() {
        this.#become("ended");
        this.#resolveEnded();
    }
    #watch() {
        const state = this.connection.connectionState;
        if (state === "connected")
            this.#become("live");
        if (state === "disconnected")
            this.#become("lost");
        if (state === "failed" || state === "closed")
            void this.#restart();
    }
    /** Candidates as they come (RFC 9725, 4.3.2): one request at a time, with all that came meanwhile. */
    async #trickle() {
        if (this.#isTrickling || this.#isRestarting || !this.#location || !this.#entityTag || this.#candidates.length === 0)
            return;
        this.#isTrickling = true;
        const fragment = fragmentOf(this.connection.localDescription?.sdp ?? "", this.#candidates.splice(0));
        try {
            await this.#patchIce(this.#entityTag, fragment);
        }
        catch {
            // It works without them: they only spare the server a guess.
        }
        finally {
            this.#isTrickling = false;
        }
        void this.#trickle();
    }
    /** Until the server has taken it, does not know the session any more, or has not been reached for minutes. */
    async #restart() {
        if (this.#isRestarting || !this.#location || this.#state === "ended")
            return;
        this.#isRestarting = true;
        this.#become("lost");
        for (let failures = 0; this.state !== "ended"; failures++) {
            try {
                await this.#renew();
                break;
            }
            catch (error) {
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
    async #renew() {
        await this.#allowRelay();
        this.#candidates.length = 0;
        await this.connection.setLocalDescription(await this.connection.createOffer({ iceRestart: true }));
        const response = await this.#patchIce("*", fragmentOf(this.connection.localDescription?.sdp ?? "", []));
        this.#entityTag = response.headers.get("ETag") ?? this.#entityTag;
        this.#answer = mergeFragment(this.#answer, await response.text());
        await this.connection.setRemoteDescription({ type: "answer", sdp: this.#answer });
    }
    /** The server is public over UDP and TCP, so most reach it without its relay, which holds ports for who may use it. */
    async #allowRelay() {
        const configuration = this.connection.getConfiguration();
        if (configuration.iceServers?.length)
            return;
        this.connection.setConfiguration({ ...configuration, iceServers: await this.api.iceServers() });
    }
    #patchIce(entityTag, fragment) {
        return this.api.request("PATCH", this.#location ?? "", { type: "application/trickle-ice-sdpfrag", headers: { "If-Match": entityTag }, body: fragment });
    }
    async #remove(keepalive) {
        const location = this.#location;
        this.#location = null;
        if (!location)
            return;
        try {
            await this.api.request("DELETE", location, { keepalive });
        }
        catch {
            // It ended by itself, or ends when its consent runs out.
        }
    }
}
export class Publication extends Session {
    constructor(api, connection, stream, { simulcast = true, onState }) {
        super(api, connection, api.path("/whip"), onState);
        for (const track of stream.getTracks()) {
            const init = { direction: "sendonly", streams: [stream] };
            if (simulcast && track.kind === "video")
                init.sendEncodings = encodingsFor(track);
            connection.addTransceiver(track, init);
        }
    }
}
export class Playback extends Session {
    /** What arrives, to be the srcObject of a video element. */
    stream = new MediaStream();
    constructor(api, connection, { participant, onState }) {
        super(api, connection, api.path("/whep") + (participant === undefined ? "" : `?participant=${encodeURIComponent(participant)}`), onState);
        for (const kind of ["audio", "video"])
            connection.addTransceiver(kind, { direction: "recvonly" });
        connection.addEventListener("track", (event) => this.stream.addTrack(event.track));
    }
    setLayer(limit) {
        return this.patch("/layer", limit);
    }
    /** The beacon of this moment; null where nothing has arrived yet. */
    async beacon() {
        const id = this.id;
        if (id === null || this.state === "ended")
            return null;
        const beacon = { session: id, at: new Date().toISOString(), ...noCounters };
        let isEmpty = true;
        (await this.connection.getStats()).forEach((report) => {
            if (report.type === "candidate-pair" && report.nominated)
                beacon.roundTripMs = (report.currentRoundTripTime ?? 0) * 1000;
            if (report.type !== "inbound-rtp")
                return;
            isEmpty = false;
            for (const name of summed)
                beacon[name] += report[name] ?? 0;
            beacon.packetsLost += Math.max(0, report.packetsLost ?? 0);
            beacon.totalFreezesDurationMs += (report.totalFreezesDuration ?? 0) * 1000;
            beacon.jitterMs = Math.max(beacon.jitterMs, (report.jitter ?? 0) * 1000);
            beacon.totalSamples += report.totalSamplesReceived ?? 0;
        });
        return isEmpty ? null : beacon;
    }
}
const summed = ["framesDecoded", "freezeCount", "framesPerSecond", "frameWidth", "frameHeight", "packetsReceived", "concealedSamples", "bytesReceived"];
const noCounters = {
    framesDecoded: 0, freezeCount: 0, totalFreezesDurationMs: 0, framesPerSecond: 0, frameWidth: 0, frameHeight: 0, packetsLost: 0, packetsReceived: 0,
    jitterMs: 0, roundTripMs: 0, concealedSamples: 0, totalSamples: 0, bytesReceived: 0,
};
// Browsers send no more encodings than the picture's size is worth; what they leave out would be the largest.
const ladder = [{ minWidth: 960, count: 3 }, { minWidth: 480, count: 2 }, { minWidth: 0, count: 1 }];
const rids = ["l", "m", "h"];
function encodingsFor(track) {
    const { width = 1280, height = 720 } = track.getSettings();
    const count = ladder.find((step) => Math.max(width, height) >= step.minWidth)?.count ?? 1;
    if (count === 1)
        return [{}];
    return rids.slice(rids.length - count).map((rid, place) => {
        const scale = 2 ** (count - 1 - place);
        // A small picture needs more bits for each pixel.
        const maxBitrate = Math.round(30 * (width * height / scale / scale) ** 0.8);
        return { rid, scaleResolutionDownBy: scale, maxBitrate };
    });
}
/** The ICE part of an offer, for the section that carries the bundle, and candidates (RFC 8840, 4.4). */
function fragmentOf(sdp, candidates) {
    const lines = sdp.split(/\r?\n/);
    const prefixes = ["a=ice-options:", "a=group:BUNDLE", "m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:"];
    const head = prefixes.map((prefix) => lines.find((line) => line.startsWith(prefix))).filter((line) => line !== undefined);
    return [...head, ...candidates].join("\r\n") + "\r\n";
}
/** The answer with the credentials of a fragment. */
function mergeFragment(answer, fragment) {
    const parts = fragment.split(/\r?\n/);
    const ufrag = parts.find((line) => line.startsWith("a=ice-ufrag:"));
    const pwd = parts.find((line) => line.startsWith("a=ice-pwd:"));
    if (!ufrag || !pwd)
        return answer;
    return answer.split(/\r?\n/)
        .map((line) => line.startsWith("a=ice-ufrag:") ? ufrag : line.startsWith("a=ice-pwd:") ? pwd : line)
        .join("\r\n");
}
