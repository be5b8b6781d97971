// Statuses: in groups that are told apart by colour and, for whoever does not see it, by their names.

import { h } from "./dom.js";

export const tone = (status) => table.statuses.find((one) => one.name === status)?.tone ?? "fail";
export const words = (name) => name.replaceAll("_", " ").toLowerCase();
const label = (status) => table.statuses.find((one) => one.name === status)?.label ?? null;
export const pill = (status) => h("span", { class: `pill ${tone(status)}`, title: label(status) }, status);

// The transition table, as the server gives it; everything about what may follow is asked of it.
export const table = { statuses: [], transitions: [] };
export const isFinal = (status) => table.statuses.some((one) => one.name === status && one.final);
export const waysOn = (status) => table.transitions.filter((one) => one.from === status);
