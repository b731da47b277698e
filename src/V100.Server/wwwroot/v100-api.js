// Calls of the API with one token, and what goes wrong with them.
/** Problem documents (RFC 9457) of the server. */
export class V100Error extends Error {
    status;
    /** A stable word, such as "room-not-found"; empty where something other than the server answered. */
    code;
    field;
    constructor(status, problem) {
        super(problem.detail || `The server answered ${status}.`);
        this.name = "V100Error";
        this.status = status;
        this.code = problem.code ?? "";
        this.field = problem.field;
    }
}
const firstPauseMs = 500;
const longestPauseMs = 15_000;
/** Waits the longer the more has failed before, and never as long as others that failed with it. */
export function pauseAfter(failures) {
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** failures) * (0.5 + Math.random() / 2);
    return new Promise((resolve) => setTimeout(resolve, pauseMs));
}
/** One token on one server. */
export class Api {
    url;
    room;
    #token;
    constructor({ token, url, room }) {
        this.#token = token;
        this.url = (url ?? new URL(import.meta.url).origin).replace(/\/$/, "");
        this.room = claimsOf(token).video?.room ?? room ?? "";
    }
    /** Calls the API; throws V100Error with the problem that the server names, or fetch's TypeError where it does not answer. */
    async request(method, path, { body, type, headers, keepalive, signal } = {}) {
        const init = {
            method,
            // Without credentials no browser asks for a password on a 401.
            credentials: "omit",
            cache: "no-store",
            headers: { Authorization: `Bearer ${this.#token}`, ...(type && { "Content-Type": type }), ...headers },
        };
        if (body !== undefined)
            init.body = body;
        if (keepalive)
            init.keepalive = true;
        if (signal)
            init.signal = signal;
        const response = await fetch(new URL(path, this.url + "/"), init);
        if (response.ok)
            return response;
        let problem = {};
        try {
            problem = await response.json();
        }
        catch {
            // Whatever stands between the server and this page answered.
        }
        throw new V100Error(response.status, problem);
    }
    /** STUN and TURN URLs of the server, with a credential that expires. */
    async iceServers() {
        return (await (await this.request("GET", "/v1/ice-servers")).json()).iceServers;
    }
    /** The path of something of this client's room. */
    path(rest = "") {
        return `/v1/rooms/${encodeURIComponent(this.room)}${rest}`;
    }
}
/** The claims of a token, unchecked: only to know what to ask the server for. Empty where it is none. */
export function claimsOf(token) {
    try {
        const part = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
        return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (symbol) => symbol.charCodeAt(0))));
    }
    catch {
        return {};
    }
}
