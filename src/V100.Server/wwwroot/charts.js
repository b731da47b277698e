/** Small charts, each of one series over the last minute and a half. */

const samples = 90;

/** A chart that has just begun is not a dot at its edge. */
const fewest = 20;
const width = 100;
const height = 30;

export class Chart {
  #series = [];
  #path;
  #value;
  #draw;
  #floor;

  /**
   * @param element Holds a path, and the figure beside it.
   * @param kind "line", "area" or "steps".
   * @param floor The least that the top of the chart stands for: what is small must look small.
   */
  constructor(element, kind, floor) {
    this.#path = element.querySelector("path");
    this.#value = element.querySelector("[data-value]");
    this.#draw = { line, area, steps }[kind];
    this.#floor = floor;
  }

  /** The value of this second, null where it is not known, and how it reads. */
  push(value, text) {
    this.#series.push(value);
    if (this.#series.length > samples) this.#series.shift();
    this.#path.setAttribute("d", this.#draw(this.#series, Math.max(this.#floor, ...this.#series)));
    this.#value.textContent = value === null ? "–" : text;
  }
}

function across(series, index) {
  return (width - (series.length - 1 - index) * width / (Math.max(fewest, series.length) - 1)).toFixed(1);
}

/** The newest stands at the right edge; where nothing is known there is a gap. */
function points(series, top) {
  return series.map((value, index) => value === null ? null : [across(series, index), (height - 2 - (height - 4) * value / top).toFixed(1)]);
}

function line(series, top) {
  let pen = "M";
  return points(series, top).map(point => {
    const part = point ? `${pen}${point[0]} ${point[1]}` : "";
    pen = point ? "L" : "M";
    return part;
  }).join("");
}

function area(series, top) {
  const known = series.map(value => value ?? 0);
  return `${line(known, top)}L${width} ${height}L${across(known, 0)} ${height}Z`;
}

function steps(series, top) {
  let former = null;
  return points(series, top).map(point => {
    const part = !point ? "" : former === null ? `M${point[0]} ${point[1]}` : `H${point[0]}V${point[1]}`;
    former = point;
    return part;
  }).join("");
}

export function rate(bps) {
  return bps >= 1_000_000 ? `${(bps / 1_000_000).toFixed(1)} Mbit/s` : `${Math.round(bps / 1000)} kbit/s`;
}
