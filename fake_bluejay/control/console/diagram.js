// The transition diagram, drawn from the table: the longest path goes down on the left, every other final status stands on
// the right. No status is named here, so the diagram follows any change of the table.

import { svg } from "./dom.js";
import { isFinal, table, tone, waysOn } from "./statuses.js";

const NODE = { width: 142, height: 24 };
const PITCH = 43;
const LEFT = 34;
const RIGHT = 264;
const WIDTH = RIGHT + NODE.width + 4;

// The number of moves on the longest path to each status.
function ranks() {
  const rank = new Map(table.statuses.map((one) => [one.name, 0]));
  for (let round = 0; round < table.statuses.length; round += 1) {
    for (const { from, to } of table.transitions) if (!isFinal(from)) rank.set(to, Math.max(rank.get(to), Math.min(rank.get(from) + 1, table.statuses.length)));
  }
  return rank;
}

function places(status) {
  const rank = ranks();
  const drawn = (name) => name === status || table.transitions.some((move) => move.to === name);
  const ends = table.statuses.filter((one) => one.final && drawn(one.name)).map((one) => one.name);
  const furthest = ends.reduce((best, one) => (rank.get(one) > rank.get(best) ? one : best), ends[0]);
  const reached = (one) => {
    const from = table.transitions.filter((move) => move.to === one).map((move) => rank.get(move.from));
    return from.reduce((sum, each) => sum + each, 0) / Math.max(1, from.length);
  };
  const spine = table.statuses.filter((one) => !one.final).map((one) => one.name).sort((a, b) => rank.get(a) - rank.get(b));
  const others = ends.filter((one) => one !== furthest).sort((a, b) => reached(a) - reached(b));
  spine.push(furthest);
  const place = new Map();
  spine.forEach((name, index) => place.set(name, { x: LEFT, y: 14 + index * PITCH, index, spine: true }));
  const pitch = others.length > 1 ? ((spine.length - 1) * PITCH) / (others.length - 1) : PITCH;
  others.forEach((name, index) => place.set(name, { x: RIGHT, y: 14 + index * pitch, index, spine: false }));
  return { place, height: 28 + (spine.length - 1) * PITCH };
}

function edge({ from, event, to }, place, lit) {
  const a = place.get(from);
  const b = place.get(to);
  let d;
  let label;
  if (b.spine && b.index === a.index + 1) {
    const x = a.x + NODE.width / 2;
    d = `M${x} ${a.y + NODE.height / 2}V${b.y - NODE.height / 2 - 3}`;
    label = { x: x + 6, y: (a.y + b.y) / 2 + 4, anchor: "start" };
  } else if (b.spine) {
    const bend = a.x - 10 - 7 * Math.abs(b.index - a.index);
    d = `M${a.x} ${a.y}C${bend} ${a.y} ${bend} ${b.y} ${b.x - 3} ${b.y}`;
    label = { x: bend + 8, y: (a.y + b.y) / 2, anchor: "middle", turned: true };
  } else {
    const x = a.x + NODE.width;
    d = `M${x} ${a.y}C${x + 60} ${a.y} ${b.x - 60} ${b.y} ${b.x - 3} ${b.y}`;
    label = { x: b.x - 12, y: b.y - 6, anchor: "end" };
  }
  const parts = [svg("path", { d, class: `edge${lit ? " lit" : ""}`, "marker-end": lit ? "url(#head-lit)" : "url(#head)" })];
  if (lit) {
    const turn = label.turned ? { transform: `rotate(-90 ${label.x} ${label.y})` } : {};
    parts.push(svg("text", { class: "event", x: label.x, y: label.y, "text-anchor": label.anchor, ...turn }, event.replaceAll("_", " ")));
  }
  return parts;
}

const head = (id) => svg("marker", { id, viewBox: "0 0 8 8", refX: 6, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { d: "M0 .8 7 4 0 7.200z" }));

export function diagram(status, passed) {
  const { place, height } = places(status);
  const ways = waysOn(status);
  const drawn = table.transitions.map((move) => [move, move.from === status]);
  drawn.sort(([, a], [, b]) => a - b);
  const nodes = [...place].map(([name, { x, y }]) => {
    const state = name === status ? "here" : ways.some((move) => move.to === name) ? "next" : passed.has(name) ? "passed" : "";
    return svg("g", { class: `node ${state} ${tone(name)}`, "data-status": name, transform: `translate(${x} ${y - NODE.height / 2})` },
      svg("rect", { width: NODE.width, height: NODE.height, rx: 6 }),
      svg("text", { x: NODE.width / 2, y: NODE.height / 2 + 3.500, "text-anchor": "middle" }, name));
  });
  const said = status
    ? `Transition diagram. It is ${status}; ${ways.length ? `from there: ${ways.map((move) => `${move.event} to ${move.to}`).join(", ")}` : "which is final"}.`
    : "Transition diagram.";
  return svg("svg", { class: "diagram", viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": said },
    svg("defs", null, head("head"), head("head-lit")), drawn.map(([move, lit]) => edge(move, place, lit)), nodes);
}
