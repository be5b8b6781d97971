// Statuses, in groups that differ by color and by name.

import { h } from "./dom.js";

export const tone = (status) => table.statuses.find((one) => one.name === status)?.tone ?? "fail";
export const words = (name) => name.replaceAll("_", " ").toLowerCase();
const label = (status) => table.statuses.find((one) => one.name === status)?.label ?? null;
export const pill = (status) => h("span", { class: `pill ${tone(status)}`, title: label(status) }, status);

// The transition table from the server, which alone decides which moves are possible.
export const table = { statuses: [], transitions: [] };
export const isFinal = (status) => table.statuses.some((one) => one.name === status && one.final);
export const waysOn = (status) => table.transitions.filter((one) => one.from === status);
