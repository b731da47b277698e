/** What the server says of one session that plays: two small charts, of rates and of the picture's height, over the last minute and a half. */

const samples = 90;
const width = samples - 1;
const height = 30;

const reasons = {
  no_layer_active: "nothing is sent",
  paused_by_client: "paused",
  best: "best there is",
  constrained_by_client: "as asked for",
  estimate_too_low: "path too narrow",
  holding_back: "waits to rise",
};

export class Charts {
  constructor(element) {
    this.element = element;
    this.estimate = [];
    this.sent = [];
    this.lines = [];
  }

  /** Takes the answer of GET /v1/sessions/{id}. */
  show(session) {
    const out = session.streams.filter(stream => stream.direction === "out");
    const video = out.find(stream => stream.kind === "video");
    push(this.estimate, session.availableBitrateBps ?? null);
    push(this.sent, out.reduce((sum, stream) => sum + stream.bitrateBps, 0));
    push(this.lines, video ? (video.layer || video.spatialLayer !== undefined ? video.height ?? 0 : 0) : null);
    const top = Math.max(100_000, ...this.estimate, ...this.sent);
    this.draw("sent", area(this.sent, top));
    this.draw("estimate", line(this.estimate, top));
    this.draw("height", steps(this.lines, Math.max(180, ...this.lines)));
    this.write("estimate", session.availableBitrateBps === undefined ? "–" : rate(session.availableBitrateBps));
    this.write("sent", rate(this.sent.at(-1)));
    this.write("height", video?.height ? `${video.height}p${video.layer ? ` ${video.layer}` : ""}` : "–");
    this.write("reason", reasons[video?.reason] ?? "");
    this.element.hidden = false;
  }

  draw(name, path) {
    this.element.querySelector(`[data-line="${name}"]`).setAttribute("d", path);
  }

  write(name, text) {
    this.element.querySelector(`[data-value="${name}"]`).textContent = text;
  }
}

function push(series, value) {
  series.push(value);
  if (series.length > samples) series.shift();
}

function rate(bps) {
  return bps >= 1_000_000 ? `${(bps / 1_000_000).toFixed(1)} Mbit/s` : `${Math.round(bps / 1000)} kbit/s`;
}

/** The newest stands at the right edge; where nothing is known there is a gap. */
function points(series, top) {
  return series.map((value, index) => value === null ? null : [samples - series.length + index, height - 1 - (height - 3) * value / top]);
}

function line(series, top) {
  let pen = "M";
  return points(series, top).map(point => {
    const part = point ? `${pen}${point[0]} ${point[1].toFixed(1)}` : "";
    pen = point ? "L" : "M";
    return part;
  }).join("");
}

function area(series, top) {
  return `${line(series, top)}L${width} ${height}L${samples - series.length} ${height}Z`;
}

function steps(series, top) {
  let pen = "M";
  let former = null;
  return points(series, top).map(point => {
    const part = point ? `${pen}${point[0]} ${(former ?? point[1]).toFixed(1)}V${point[1].toFixed(1)}` : "";
    pen = point ? "L" : "M";
    former = point ? point[1] : null;
    return part;
  }).join("");
}
