import { claimsOf, V100Client, V100Error } from "./v100.js";
import { Call } from "./call.js";
import { openSource, SourceError } from "./media.js";
import { Rooms } from "./rooms.js";

const $ = id => document.getElementById(id);
const query = new URLSearchParams(location.search);
const rooms = new Rooms($("rooms"), name => {
  $("room").value = name;
  $("join").focus();
});

let call = null;

// ---------------------------------------------------------------- lobby

function prepare() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
  $("room").value = query.get("room") || "demo";
  $("identity").value = query.get("identity") || localStorage.getItem("identity") || `guest-${Math.random().toString(36).slice(2, 6)}`;
  const source = query.get("source");
  if (["camera", "test", "none"].includes(source)) $("source").value = source;
  $("token").value = new URLSearchParams(location.hash.slice(1)).get("token") || "";
  $("token-box").open = !$("token").value;
  if (query.get("autojoin") === "1") {
    join();
    return;
  }
  listRooms();
  ($("token").value ? $("identity") : $("token")).focus();
}

function listRooms() {
  const token = $("token").value.trim();
  rooms.show(claimsOf(token).video?.roomList ? new V100Client({ token }) : null);
}

function showError(title, text) {
  $("error-title").textContent = title;
  $("error-text").textContent = text;
  $("error").hidden = false;
}

function hideError() {
  $("error").hidden = true;
}

function explain(error) {
  if (error instanceof SourceError) return ["No camera.", error.message];
  if (error instanceof V100Error) {
    if (error.status === 401) return ["The token is not accepted.", `${error.message} Open the link that the server printed at its start, or paste another token under “Access token”.`];
    if (error.status === 403) return ["Not allowed.", `${error.message} Use a token that grants it, or another room.`];
    if (error.status === 503) return ["The server takes no one now.", `${error.message} Try again in a moment.`];
    return ["The server refused.", error.message];
  }
  if (error instanceof TypeError) return ["The server does not answer.", "Check that it runs and that this page can reach it, then try again."];
  return ["Something failed.", error.message];
}

async function join() {
  if (call || $("join").disabled) return;
  hideError();
  const pasted = $("token").value.trim();
  if (!pasted) {
    $("token-box").open = true;
    $("token").focus();
    showError("A token is missing.", "Open the link that the server printed at its start, or paste a token under “Access token”.");
    return;
  }
  $("join").disabled = true;
  $("join").textContent = "Joining…";
  let source = null;
  try {
    const claims = claimsOf(pasted);
    const administers = claims.video?.roomAdmin === true;
    // A participant's token says who and where.
    const room = claims.video?.room || $("room").value.trim();
    const identity = !administers && claims.sub || $("identity").value.trim();
    if (!room || !identity) throw new Error("Room and name must not be empty.");
    source = await openSource($("source").value, identity);
    const admin = administers ? new V100Client({ token: pasted, room }) : null;
    const token = admin ? await mint(admin, identity) : pasted;
    call = new Call({ token, admin, room, identity, source, listener });
    await call.start();
    localStorage.setItem("identity", identity);
    enterCall(room, admin ? pasted : null);
  } catch (error) {
    if (call) await call.close();
    else source?.stop();
    call = null;
    showError(...explain(error));
    if (error instanceof V100Error && error.status === 401) $("token-box").open = true;
  } finally {
    $("join").disabled = false;
    $("join").textContent = "Join";
  }
}

async function mint(admin, identity) {
  const body = JSON.stringify({ room: admin.room, identity, name: identity });
  return (await (await admin.request("POST", "/v1/tokens", { type: "application/json", body })).json()).token;
}

function enterCall(room, adminToken) {
  rooms.hide();
  document.body.dataset.view = "call";
  document.title = `${room} · V100`;
  $("lobby").hidden = true;
  $("call").hidden = $("bar").hidden = $("where").hidden = false;
  $("where-room").textContent = room;
  const link = new URL("/", location.href);
  link.searchParams.set("room", room);
  if (adminToken) link.hash = new URLSearchParams({ token: adminToken });
  $("invite").dataset.link = link.href;
  link.searchParams.set("source", "test");
  link.searchParams.set("autojoin", "1");
  link.searchParams.set("identity", `test-${Math.random().toString(36).slice(2, 6)}`);
  $("alone-link").href = link.href;
  for (const [id, kind] of [["mic", "audio"], ["camera", "video"]]) {
    $(id).hidden = !call.source.stream?.getTracks().some(track => track.kind === kind);
    $(id).setAttribute("aria-pressed", "true");
  }
  // Not a button: who presses Enter once more would leave.
  $("where-room").focus();
}

async function leave() {
  const ended = call;
  call = null;
  document.body.dataset.view = "lobby";
  document.title = "V100";
  $("lobby").hidden = false;
  $("call").hidden = $("bar").hidden = $("where").hidden = $("sound").hidden = true;
  $("join").focus();
  await ended?.close();
  if (!call) listRooms();
}

// ---------------------------------------------------------------- call

const listener = {
  onEnd(title, text) {
    leave();
    showError(title, text);
  },
  onProblem: error => showError(...explain(error)),
  onLink(isGood) {
    document.body.dataset.link = isGood ? "good" : "lost";
    $("link").textContent = isGood ? "" : "· reconnecting…";
  },
  onBlocked() {
    $("sound").hidden = false;
  },
};

// ---------------------------------------------------------------- controls

function toggleShown(button, name) {
  const isShown = document.body.dataset[name] !== "off";
  document.body.dataset[name] = isShown ? "off" : "on";
  button.setAttribute("aria-pressed", String(!isShown));
}

$("form").addEventListener("submit", event => {
  event.preventDefault();
  join();
});
$("token").addEventListener("change", listRooms);
$("leave").addEventListener("click", leave);
$("error-close").addEventListener("click", hideError);
$("mic").addEventListener("click", () => $("mic").setAttribute("aria-pressed", String(call.toggle("audio"))));
$("camera").addEventListener("click", () => $("camera").setAttribute("aria-pressed", String(call.toggle("video"))));
$("sound").addEventListener("click", () => {
  $("sound").hidden = true;
  call.unmute();
});
$("figures").addEventListener("click", () => toggleShown($("figures"), "figures"));
$("people-toggle").addEventListener("click", () => toggleShown($("people-toggle"), "people"));
$("invite").addEventListener("click", async () => {
  const label = $("invite").querySelector("span");
  try {
    await navigator.clipboard.writeText($("invite").dataset.link);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Not copied";
  }
  setTimeout(() => label.textContent = "Copy link", 2000);
});
$("theme").addEventListener("click", () => {
  const dark = document.documentElement.dataset.theme ? document.documentElement.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  localStorage.setItem("theme", document.documentElement.dataset.theme = dark ? "light" : "dark");
});
addEventListener("pagehide", () => call?.abandon());

prepare();
