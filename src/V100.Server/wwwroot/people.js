// Who is in the room and what they send, as the room's events tell it; an administrator mutes and removes here.

const sources = { camera: "Camera", microphone: "Microphone", screen_share: "Screen", screen_share_audio: "Screen sound" };

/** dBov that fill the bar of a level and that leave it empty. */
const loudest = -20;
const quietest = -70;

export class People {
  #element;
  #client;
  #onProblem;
  #rows = new Map();

  /** client is an administrator's, or null where nothing may be changed. */
  constructor(element, client, onProblem) {
    this.#element = element;
    this.#client = client;
    this.#onProblem = onProblem;
  }

  show(room, own) {
    for (const [identity, row] of this.#rows) {
      if (room.participants.has(identity)) continue;
      row.element.remove();
      this.#rows.delete(identity);
    }
    for (const participant of room.participants.values()) {
      let row = this.#rows.get(participant.identity);
      if (!row) this.#rows.set(participant.identity, row = this.#makeRow(participant.identity));
      this.#fill(row, participant, participant.identity === own, room.speakers);
    }
  }

  clear() {
    this.#element.replaceChildren();
    this.#rows.clear();
  }

  #makeRow(identity) {
    const element = document.getElementById("person").content.firstElementChild.cloneNode(true);
    element.querySelector(".initial").textContent = [...identity][0];
    const remove = element.querySelector(".remove");
    remove.hidden = !this.#client;
    remove.setAttribute("aria-label", `Remove ${identity}`);
    remove.addEventListener("click", () => this.#change(remove, "DELETE", `/participants/${encodeURIComponent(identity)}`));
    this.#element.append(element);
    return { element, tracks: new Map() };
  }

  #fill({ element, tracks }, participant, own, speakers) {
    element.toggleAttribute("data-speaking", speakers.dominant === participant.identity && speakers.loudest.includes(participant.identity));
    write(element.querySelector(".name"), `${participant.name || participant.identity}${own ? " (you)" : ""}`);
    write(element.querySelector(".score"), participant.score === undefined ? "" : participant.score.toFixed(1));
    const paused = [...participant.subscriptions.values()].some(one => one.paused && one.reason === "estimate_too_low");
    write(element.querySelector(".note"), participant.tracks.size === 0 ? "Only watches" : paused ? "Gets no picture: the path is too narrow" : "");
    for (const [id, row] of tracks) {
      if (participant.tracks.has(id)) continue;
      row.remove();
      tracks.delete(id);
    }
    for (const track of participant.tracks.values()) {
      let row = tracks.get(track.trackId);
      if (!row) {
        tracks.set(track.trackId, row = this.#makeTrack(track));
        element.querySelector(".tracks").append(row);
      }
      this.#fillTrack(row, track);
    }
  }

  #makeTrack(track) {
    const row = document.getElementById("track").content.firstElementChild.cloneNode(true);
    const mute = row.querySelector(".mute");
    mute.hidden = !this.#client;
    mute.addEventListener("click", () => {
      this.#change(mute, "POST", `/tracks/${encodeURIComponent(track.trackId)}/mute`, { muted: !row.hasAttribute("data-muted") });
    });
    return row;
  }

  #fillTrack(row, track) {
    write(row.querySelector(".source"), sources[track.source]);
    const mute = track.muted ? "Unmute" : "Mute";
    write(row.querySelector(".mute"), mute);
    row.querySelector(".mute").setAttribute("aria-label", `${mute} ${sources[track.source].toLowerCase()} of ${track.identity}`);
    row.toggleAttribute("data-muted", track.muted);
    const meter = row.querySelector(".level");
    meter.toggleAttribute("hidden", track.kind !== "audio");
    const level = track.muted ? 0 : Math.max(0, Math.min(1, ((track.level ?? -127) - quietest) / (loudest - quietest)));
    meter.querySelector("rect").setAttribute("width", (level * 100).toFixed(0));
    const layers = row.querySelector(".layers");
    const text = track.kind === "video" ? track.layers.map(rid => `${rid || "one"}${track.wanted.includes(rid) ? "+" : "-"}`).join() : "";
    if (layers.dataset.shown === text) return;
    layers.dataset.shown = text;
    layers.replaceChildren(...track.layers.filter(() => track.kind === "video").map(rid => {
      const chip = document.createElement("li");
      const wanted = track.wanted.includes(rid);
      chip.textContent = rid || "single";
      chip.toggleAttribute("data-wanted", wanted);
      chip.title = wanted ? "Somebody takes this layer" : "Nobody takes this layer now";
      return chip;
    }));
  }

  /** The events say what has come of it. */
  async #change(button, method, rest, body) {
    button.disabled = true;
    try {
      await this.#client.request(method, this.#client.path(rest), body && { type: "application/json", body: JSON.stringify(body) });
    } catch (error) {
      this.#onProblem(error);
    } finally {
      button.disabled = false;
    }
  }
}

/** Only what differs: events come twenty times a second. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
