// Calls of the API with one token, and what goes wrong with them.

export interface ClientOptions {
  /** A token of POST /v1/tokens. It says who this is and in which room. */
  token: string;
  /** Where the server is; the origin that served this module by default. */
  url?: string;
  /** For a token that grants every room. */
  room?: string;
  /** To be tried from the start. Without them a session asks the server for its relay once the direct way has failed. */
  iceServers?: RTCIceServer[];
}

/** Problem documents (RFC 9457) of the server. */
export class V100Error extends Error {
  readonly status: number;
  /** A stable word, such as "room-not-found"; empty where something other than the server answered. */
  readonly code: string;
  readonly field: string | undefined;

  constructor(status: number, problem: { detail?: string; code?: string; field?: string }) {
    super(problem.detail || `The server answered ${status}.`);
    this.name = "V100Error";
    this.status = status;
    this.code = problem.code ?? "";
    this.field = problem.field;
  }
}

interface Request {
  body?: string;
  type?: string;
  headers?: Record<string, string>;
  /** Outlives the page. */
  keepalive?: boolean;
  signal?: AbortSignal;
}

const firstPauseMs = 500;
const longestPauseMs = 15_000;

/** Waits the longer the more has failed before, and never as long as others that failed with it. */
export function pauseAfter(failures: number): Promise<void> {
  const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** failures) * (0.5 + Math.random() / 2);
  return new Promise((resolve) => setTimeout(resolve, pauseMs));
}

/** One token on one server. */
export class Api {
  readonly url: string;
  readonly room: string;
  readonly #token: string;

  constructor({ token, url, room }: ClientOptions) {
    this.#token = token;
    this.url = (url ?? new URL(import.meta.url).origin).replace(/\/$/, "");
    this.room = claimsOf(token).video?.room ?? room ?? "";
  }

  /** Calls the API; throws V100Error with the problem that the server names, or fetch's TypeError where it does not answer. */
  async request(method: string, path: string, { body, type, headers, keepalive, signal }: Request = {}): Promise<Response> {
    const init: RequestInit = {
      method,
      // Without credentials no browser asks for a password on a 401.
      credentials: "omit",
      cache: "no-store",
      headers: { Authorization: `Bearer ${this.#token}`, ...(type && { "Content-Type": type }), ...headers },
    };
    if (body !== undefined) init.body = body;
    if (keepalive) init.keepalive = true;
    if (signal) init.signal = signal;
    const response = await fetch(new URL(path, this.url + "/"), init);
    if (response.ok) return response;
    let problem = {};
    try {
      problem = await response.json() as object;
    } catch {
      // Whatever stands between the server and this page answered.
    }
    throw new V100Error(response.status, problem);
  }

  /** STUN and TURN URLs of the server, with a credential that expires. */
  async iceServers(): Promise<RTCIceServer[]> {
    return (await (await this.request("GET", "/v1/ice-servers")).json() as { iceServers: RTCIceServer[] }).iceServers;
  }

  /** The path of something of this client's room. */
  path(rest = ""): string {
    return `/v1/rooms/${encodeURIComponent(this.room)}${rest}`;
  }
}

export interface Claims {
  sub?: string;
  video?: { room?: string; roomJoin?: boolean; roomAdmin?: boolean; roomList?: boolean };
}

/** The claims of a token, unchecked: only to know what to ask the server for. Empty where it is none. */
export function claimsOf(token: string): Claims {
  try {
    const part = (token.split(".")[1] ?? "").replace(/-/g, "+").replace(/_/g, "/");
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(part), (symbol) => symbol.charCodeAt(0)))) as Claims;
  } catch {
    return {};
  }
}
