// V100's client library: publish (WHIP, RFC 9725), play (WHEP), choose layers, hear what happens in a room. It depends on nothing.
import { Api, V100Error } from "./v100-api.js";
import { RoomEvents } from "./v100-events.js";
import { Playback, Publication } from "./v100-sessions.js";
export { claimsOf, V100Error } from "./v100-api.js";
export * from "./v100-events.js";
export * from "./v100-sessions.js";
const beaconIntervalMs = 5000;
/** One token on one server: the sessions that it opens, and their beacons. */
export class V100Client extends Api {
    #iceServers;
    #sessions = new Set();
    #beaconTimer;
    #takesBeacons = true;
    constructor(options) {
        super(options);
        this.#iceServers = options.iceServers ?? [];
    }
    async publish(stream, options = {}) {
        return this.#open(new Publication(this, this.#connection(), stream, options));
    }
    async play(options = {}) {
        return this.#open(new Playback(this, this.#connection(), options));
    }
    /** Listens to the client's room until it is told to stop, across breaks. */
    events(options = {}) {
        return new RoomEvents(this, options);
    }
    /** Ends every session; with keepalive by requests that outlive the page, for the event "pagehide". */
    async stop(keepalive = false) {
        await Promise.all([...this.#sessions].map((session) => session.stop(keepalive)));
    }
    #connection() {
        return new RTCPeerConnection({ bundlePolicy: "max-bundle", iceServers: this.#iceServers });
    }
    async #open(session) {
        this.#sessions.add(session);
        session.ended.then(() => this.#forget(session));
        try {
            await session.start();
        }
        catch (error) {
            await session.stop();
            throw error;
        }
        if (this.#takesBeacons)
            this.#beaconTimer ??= setInterval(() => this.#postBeacons(), beaconIntervalMs);
        return session;
    }
    #forget(session) {
        this.#sessions.delete(session);
        if (this.#sessions.size === 0)
            this.#stopBeacons();
    }
    #stopBeacons() {
        clearInterval(this.#beaconTimer);
        this.#beaconTimer = undefined;
    }
    /** What is played here, as this browser sees it: the server joins it with what it knows of the same session. */
    async #postBeacons() {
        const beacons = [];
        for (const session of this.#sessions) {
            const beacon = session instanceof Playback ? await session.beacon() : null;
            if (beacon)
                beacons.push(beacon);
        }
        if (beacons.length === 0 || !this.#takesBeacons)
            return;
        try {
            await this.request("POST", "/v1/beacons", { type: "application/json", body: JSON.stringify(beacons) });
        }
        catch (error) {
            // A server that knows no beacons is asked once. What else goes wrong has passed in five seconds, or shows in the sessions.
            if (!(error instanceof V100Error) || error.code === "session-not-found" || ![404, 405].includes(error.status))
                return;
            this.#takesBeacons = false;
            this.#stopBeacons();
        }
    }
}
