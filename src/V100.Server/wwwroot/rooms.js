// The lobby's list of rooms, for a token that may list them.

const listMs = 3000;
const shown = 100;

export class Rooms {
  #element;
  #onPick;
  #client = null;
  #timer;

  constructor(element, onPick) {
    this.#element = element;
    this.#onPick = onPick;
  }

  /** client is null where the token lists nothing. */
  show(client) {
    this.hide();
    this.#client = client;
    if (client) this.#refresh(client);
  }

  hide() {
    clearTimeout(this.#timer);
    this.#client = null;
    this.#element.hidden = true;
  }

  async #refresh(client) {
    try {
      const { rooms } = await (await client.request("GET", `/v1/rooms?limit=${shown}`)).json();
      if (this.#client !== client) return;
      this.#fill(rooms);
      this.#element.hidden = false;
    } catch {
      // The list is a convenience: what is wrong with the token or the server shows when somebody joins.
      if (this.#client === client) this.#element.hidden = true;
    }
    if (this.#client === client) this.#timer = setTimeout(() => this.#refresh(client), listMs);
  }

  #fill(rooms) {
    const list = this.#element.querySelector("ul");
    const known = new Map([...list.children].map(item => [item.dataset.room, item]));
    for (const [name, item] of known) if (!rooms.some(room => room.name === name)) item.remove();
    for (const room of rooms) {
      const item = known.get(room.name) ?? list.appendChild(this.#make(room.name));
      item.querySelector(".size").textContent = `${room.participantCount} here, ${room.publisherCount} ${room.publisherCount === 1 ? "sends" : "send"}`;
    }
    this.#element.querySelector(".none").hidden = rooms.length > 0;
  }

  #make(name) {
    const item = document.getElementById("room-item").content.firstElementChild.cloneNode(true);
    item.dataset.room = name;
    item.querySelector(".name").textContent = name;
    item.querySelector("button").addEventListener("click", () => this.#onPick(name));
    return item;
  }
}
