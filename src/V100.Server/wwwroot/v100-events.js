// What happens in a room, as the server tells it, applied to a state.
import { pauseAfter, V100Error } from "./v100-api.js";
/** Twice what lies between two comments of a quiet stream: one is lost. */
const silenceMs = 35_000;
/** GET /v1/rooms/{room}/events by fetch, since an EventSource sends no token in a header. */
export class RoomEvents {
    room = { participants: new Map(), tracks: new Map(), speakers: { dominant: null, loudest: [] } };
    #api;
    #options;
    #state = "connecting";
    #lastId = "";
    #isResumed = false;
    #abort = new AbortController();
    constructor(api, options) {
        this.#api = api;
        this.#options = options;
        void this.#run();
    }
    stop() {
        this.#become("ended", "stopped");
        this.#abort.abort();
    }
    #become(state, reason = "") {
        if (this.#state === state || this.#state === "ended")
            return;
        this.#state = state;
        this.#options.onState?.(state, reason);
    }
    async #run() {
        for (let failures = 0; this.#state !== "ended"; failures++) {
            this.#isResumed = false;
            try {
                await this.#listen();
            }
            catch (error) {
                // A room that is not there yet may come, and a server that is busy is so for a while; what it refuses stays refused.
                if (error instanceof V100Error && [400, 401, 403].includes(error.status))
                    this.#become("ended", error.code);
            }
            this.#become("lost");
            if (this.#isResumed)
                failures = 0;
            await pauseAfter(failures);
        }
    }
    /** Returns where the stream ends. */
    async #listen() {
        const abort = this.#abort = new AbortController();
        let timer = setTimeout(() => abort.abort(), silenceMs);
        try {
            const headers = this.#lastId ? { "Last-Event-ID": this.#lastId } : {};
            const response = await this.#api.request("GET", this.#api.path("/events"), { headers, signal: abort.signal });
            const reader = response.body?.getReader();
            const decoder = new TextDecoder();
            let rest = "";
            while (reader && this.#state !== "ended") {
                const { done, value } = await reader.read();
                if (done)
                    return;
                clearTimeout(timer);
                timer = setTimeout(() => abort.abort(), silenceMs);
                const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
                rest = blocks.pop() ?? "";
                blocks.forEach((block) => this.#take(block));
            }
        }
        finally {
            clearTimeout(timer);
            abort.abort();
        }
    }
    /** One event (WHATWG HTML, 9.2.6), as this server writes them: a field once, its lines ended by LF. */
    #take(block) {
        const fields = new Map(block.split("\n").map((line) => {
            const colon = line.indexOf(": ");
            return [line.slice(0, colon), line.slice(colon + 2)];
        }));
        const data = fields.get("data");
        if (data === undefined || this.#state === "ended")
            return;
        this.#lastId = fields.get("id") ?? this.#lastId;
        this.#isResumed = true;
        const event = fields.get("event");
        if (event === "end") {
            const { reason } = JSON.parse(data);
            if (reason !== "server_stopping")
                this.#become("ended", reason);
            return;
        }
        let changes = [];
        if (event === "snapshot")
            replaceRoom(this.room, JSON.parse(data));
        else
            changes = JSON.parse(data).changes;
        changes.forEach((change) => applyChange(this.room, change));
        this.#become("live");
        try {
            this.#options.onChange?.(this.room, changes);
        }
        catch (error) {
            // The page's own fault is no break of the stream.
            reportError(error);
        }
    }
}
function replaceRoom(room, snapshot) {
    room.participants.clear();
    room.tracks.clear();
    room.speakers = snapshot.speakers;
    for (const { identity, tracks, subscriptions, ...person } of snapshot.participants) {
        applyChange(room, { type: "participant_joined", identity, ...person });
        for (const track of tracks)
            applyChange(room, { type: "track_published", ...track, identity });
        for (const one of subscriptions)
            room.participants.get(identity)?.subscriptions.set(one.subscription, one);
    }
}
function applyChange(room, change) {
    if (change.type === "levels") {
        for (const [trackId, level] of Object.entries(change.levels)) {
            const track = room.tracks.get(trackId);
            if (track)
                track.level = level;
        }
        return;
    }
    if (change.type === "speakers") {
        room.speakers = { dominant: change.dominant, loudest: change.loudest };
        return;
    }
    if (change.type === "participant_joined" || change.type === "participant_updated") {
        const { type, ...person } = change;
        const former = type === "participant_updated" ? room.participants.get(change.identity) : undefined;
        if (!former)
            dropTracks(room, change.identity);
        room.participants.set(change.identity, { ...person, tracks: former?.tracks ?? new Map(), subscriptions: former?.subscriptions ?? new Map() });
        return;
    }
    const participant = room.participants.get(change.identity);
    if (participant)
        applyTo(room, participant, change);
}
function applyTo(room, participant, change) {
    const track = "trackId" in change && change.trackId !== undefined ? participant.tracks.get(change.trackId) : undefined;
    switch (change.type) {
        case "participant_left":
            dropTracks(room, change.identity);
            room.participants.delete(change.identity);
            break;
        case "track_published": {
            const { type: _, ...published } = change;
            participant.tracks.set(change.trackId, published);
            room.tracks.set(change.trackId, published);
            break;
        }
        case "track_unpublished":
            participant.tracks.delete(change.trackId);
            room.tracks.delete(change.trackId);
            break;
        case "track_muted":
        case "track_unmuted":
            if (track)
                track.muted = change.type === "track_muted";
            break;
        case "layers_wanted":
            if (track)
                track.wanted = change.wanted;
            break;
        case "subscription_paused":
            pause(participant, change);
            break;
        case "subscription_resumed":
            resume(participant, change.subscription);
            break;
        case "subscription_ended":
            participant.subscriptions.delete(change.subscription);
            break;
        case "quality":
            Object.assign(scored(participant, change) ?? {}, { score: change.score });
            break;
    }
}
function pause(participant, { type: _, identity: __, ...paused }) {
    participant.subscriptions.set(paused.subscription, { ...participant.subscriptions.get(paused.subscription), ...paused, paused: true });
}
function resume(participant, name) {
    const subscription = participant.subscriptions.get(name);
    if (!subscription)
        return;
    subscription.paused = false;
    delete subscription.reason;
    delete subscription.trackId;
}
/** A quality is of the track or subscription that it names, else of the participant. */
function scored(participant, change) {
    if (change.trackId !== undefined)
        return participant.tracks.get(change.trackId);
    if (change.subscription === undefined)
        return participant;
    const known = participant.subscriptions.get(change.subscription) ?? { subscription: change.subscription, paused: false };
    participant.subscriptions.set(change.subscription, known);
    return known;
}
function dropTracks(room, identity) {
    for (const id of room.participants.get(identity)?.tracks.keys() ?? [])
        room.tracks.delete(id);
}
