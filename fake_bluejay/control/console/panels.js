// Faults to arm, readings to change, and the world as a whole.

import { $, $$, h, note, put, sure, takeFrom, updateRows, withCode } from "./dom.js";
import { all, attempt, get, look, onLook, place, Refused, send } from "./api.js";
import { choose } from "./results.js";

// The kinds of faults, as the control API's OpenAPI document describes them: kind → schema of its arguments.
let kinds = {};
const label = (kind) => kinds[kind]?.title ?? kind;
const ALL_TAKE = ["path", "times", "after", "probability"];

async function lookAtKinds() {
  const { schemas } = (await get("openapi.json")).components;
  const named = ({ $ref }) => schemas[$ref.split("/").pop()];
  kinds = Object.fromEntries(schemas.NewFault.oneOf.map(named).map((one) => [one.properties.kind.const, one]));
}

const ownArguments = (kind) => Object.entries(kinds[kind].properties).filter(([name]) => name !== "kind" && !ALL_TAKE.includes(name));

export const input = (label, name, properties) => h("label", null, label, h("input", { name, autocomplete: "off", spellcheck: "false", ...properties }));
const json = (text, what) => {
  if (!text.trim()) return null;
  try { return JSON.parse(text); } catch (error) { throw new Refused(`${what} is not JSON: ${error.message}`); }
};

const words = (name) => name[0].toUpperCase() + name.slice(1).replaceAll("_", " ");

function argumentFor(kind, name, schema) {
  const required = kinds[kind].required.includes(name);
  const hint = schema.description ? h("span", { class: "muted" }, withCode(schema.description)) : null;
  const value = schema.default ?? (required ? schema.examples?.[0] : null);
  if (schema.enum) return h("label", null, words(name), h("select", { name }, schema.enum.map((one) => h("option", null, one))), hint);
  switch (schema.type) {
    case "integer": return h("label", null, words(name), h("input", { name, type: "number", value, required }), hint);
    case "number": return h("label", null, words(name), h("input", { name, type: "number", step: "any", value, required }), hint);
    case "array": return h("label", null, words(name), h("input", { name, placeholder: "1, 2", required, pattern: "[0-9, ]+", autocomplete: "off" }), hint);
    case "string": return h("label", null, words(name), h("input", { name, value, required, autocomplete: "off", spellcheck: "false" }), hint);
    default: return h("label", { class: "wide" }, words(name), h("textarea", { name, rows: 2, spellcheck: "false" }), hint);
  }
}

function argumentFrom(text, name, schema) {
  if (schema.enum || schema.type === "string") return text;
  if (schema.type === "integer" || schema.type === "number") return text === "" ? null : Number(text);
  if (schema.type === "array") return text.split(/[ ,]+/).filter(Boolean).map(Number);
  return json(text, `What stands under ${words(name)}`);
}

function faultForm() {
  const given = h("div", { class: "fields" });
  const about = h("p", { class: "muted" });
  const kind = h("select", { name: "kind", id: "fault-kind", onchange: show });
  const which = {
    path: input("Path", "path", { placeholder: "any", list: "paths" }),
    times: input("Times", "times", { type: "number", min: 1, value: "1", placeholder: "always" }),
    after: input("After", "after", { type: "number", min: 0, value: "0" }),
    probability: input("Probability", "probability", { type: "number", min: 0, max: 1, step: "any", placeholder: "1" }),
  };
  function show() {
    put(given, ownArguments(kind.value).map(([name, schema]) => argumentFor(kind.value, name, schema)));
    put(about, withCode(kinds[kind.value].description));
    $("input", which.times).value = kinds[kind.value].properties.times.default ?? "";
  }
  attempt(lookAtKinds).then(() => {
    put(kind, Object.keys(kinds).map((name) => h("option", { value: name }, label(name))));
    show();
    look("faults");
  });
  return h("form", {
    id: "fault-form",
    onsubmit: (event) => { event.preventDefault(); arm(event.target); },
  },
  h("label", null, "The next requests", kind), about, given,
  h("div", { class: "fields" }, Object.values(which)),
  h("datalist", { id: "paths" }, h("option", { value: "/v1/end-conversations" })),
  h("div", { class: "buttons" }, h("button", { class: "primary" }, "Arm")));
}

async function arm(form) {
  const values = Object.fromEntries(new FormData(form));
  const number = (text) => (text === "" ? null : Number(text));
  const done = await attempt(async () => {
    const body = { kind: values.kind, path: values.path || null, times: number(values.times), after: Number(values.after || 0), probability: number(values.probability) };
    for (const [name, schema] of ownArguments(values.kind)) body[name] = argumentFrom(values[name], name, schema);
    return send("POST", "faults", body);
  });
  if (done) look("faults", "overview");
}

async function lookAtFaults() {
  const faults = await get("faults");
  updateRows($("#fault-list"), faults.map((one, index) => ({ ...one, place: index + 1, label: label(one.kind) })), (one) => one.id, (one) => [
    h("button", {
      type: "button", class: "small end", "aria-label": `Disarm fault ${one.place}: ${one.label}`,
      onclick: () => attempt(() => send("DELETE", `faults/${one.id}`)).then(() => look("faults", "overview")),
    }, "Disarm"),
    h("strong", null, one.label),
    " ", h("span", { class: "mono" }, Object.entries(one.arguments).filter(([, value]) => value !== null).map(([name, value]) => `${name} ${JSON.stringify(value)}`).join(", ")),
    h("span", { class: "muted" }, [one.path ?? "any path", one.times === null ? "always" : one.times === 1 ? "once" : `${one.times} times`, one.after ? `after ${one.after} more` : "", one.probability === null ? "" : `with probability ${one.probability}`].filter(Boolean).join(" · ")),
  ]);
  $("#fault-empty").hidden = faults.length > 0;
  $("#fault-clear").hidden = faults.length === 0;
}

async function lookAtReadings() {
  updateRows($("#reading-list"), await get("readings"), (one) => one.name, (one) => h("div", { class: `reading${one.choice === one.default ? "" : " changed"}` },
    h("label", { for: `reading-${one.name}` }, h("span", null, withCode(one.question))),
    h("select", {
      id: `reading-${one.name}`,
      onchange: (event) => {
        event.target.closest("li").shown = null; // what it shows now is not what the server said
        attempt(() => send("PATCH", "readings", { [one.name]: event.target.value })).then(() => look("readings", "overview"));
      },
    }, one.choices.map((choice) => h("option", { value: choice, selected: choice === one.choice }, choice === one.default ? `${choice} (default)` : choice))),
    h("p", { class: "muted" }, h("code", null, one.name), " · the default is from ", one.evidence)));
}

async function lookAtStubs() {
  const stubs = await get("stubs");
  $("#stub-list").replaceChildren(...stubs.map((one) => h("li", null,
    h("span", { class: "mono" }, `${one.method} ${one.path}`), " → ", h("strong", null, String(one.status)),
    one.json === null ? null : h("span", { class: "mono muted clip" }, JSON.stringify(one.json)))));
  $("#stub-empty").hidden = stubs.length > 0;
  $("#stub-clear").hidden = stubs.length === 0;
}

// The buttons of a toolbar are one stop of Tab: the arrow keys lead to the next and to the one before.
function moveAlong(event) {
  const next = { ArrowRight: event.target.nextElementSibling, ArrowLeft: event.target.previousElementSibling }[event.key];
  if (next?.localName !== "button") return;
  event.preventDefault();
  next.focus();
}

// A run with its test results, each of which shows its scores and its transcript.
async function lookAtRuns() {
  const runs = await get("runs?limit=50");
  updateRows($("#run-list"), runs, (one) => one.id, (one) => [
    h("strong", null, `Run ${one.id}`), " ", h("span", null, one.status),
    h("span", { class: "muted" }, `simulation ${one.simulation_id} · ${one.passed} passed · ${one.failed} failed · ${one.cancelled} cancelled`),
    h("span", { class: "buttons", role: "toolbar", "aria-label": `Test results of run ${one.id}`, onkeydown: moveAlong }, one.test_results.map((id, index) => h("button", {
      type: "button", class: "small", "aria-label": `Test result ${id} of run ${one.id}`, tabindex: index ? "-1" : null, onclick: () => choose(id),
    }, String(id))), one.total > one.test_results.length ? h("span", { class: "muted" }, `and ${one.total - one.test_results.length} more`) : null),
  ]);
  $("#run-empty").hidden = runs.length > 0;
}

async function lookAtOrganisations() {
  const organisations = await get("organisations");
  $("#organisation-list").replaceChildren(...organisations.map((one) => h("li", null,
    h("strong", null, one.name), h("span", { class: "mono muted" }, one.api_keys.join(", ") || "no key"))));
  for (const select of $$("select[name=organisation]")) {
    const chosen = select.value;
    put(select, organisations.map((one) => h("option", null, one.name)));
    if (organisations.some((one) => one.name === chosen)) select.value = chosen;
  }
}

function world() {
  const reset = h("button", { type: "button", class: "danger", id: "reset", "data-sure": "Really reset?" }, "Reset");
  sure(reset, () => attempt(async () => { await send("POST", "reset", {}); look(...all()); }));
  const file = h("input", {
    type: "file", accept: ".json,application/json", "aria-label": "A saved world",
    onchange: async (event) => {
      const chosen = event.target.files[0];
      event.target.value = "";
      if (!chosen) return;
      const text = await chosen.text();
      const done = await attempt(async () => send("PUT", "state", json(text, chosen.name) ?? {}));
      if (done) { note(`${chosen.name} was loaded.`, "done"); look(...all()); }
    },
  });
  const stubClear = h("button", { type: "button", id: "stub-clear", class: "small", "data-sure": "Really clear?", hidden: true }, "Clear");
  sure(stubClear, () => attempt(() => send("DELETE", "stubs")));
  return [
    h("h2", null, "World"),
    h("p", { class: "muted" }, "A saved world goes on where it stopped, timers included. The file holds the API keys."),
    h("div", { class: "buttons" }, h("a", { class: "button", href: place("state"), download: "bluejay-world.json" }, "Save to a file"), h("label", { class: "button file" }, "Load a saved world…", file), reset),
    h("h3", null, "Runs"),
    h("p", { class: "empty", id: "run-empty" }, "No runs. A client queues one, or a test does."),
    h("ul", { id: "run-list", class: "list" }),
    h("h3", null, "Organisations"),
    h("ul", { id: "organisation-list", class: "list" }),
    h("form", {
      class: "fields",
      onsubmit: async (event) => {
        event.preventDefault();
        if (await takeFrom(event.target, (values) => attempt(() => send("POST", "organisations", values)))) look("organisations", "overview");
      },
    }, input("Name", "name", { required: true }), input("API key", "api_key", { required: true, type: "password", autocomplete: "new-password" }), h("button", null, "Add")),
    h("p", { class: "muted" }, "From the first one on, only known keys are accepted."),
    h("div", { class: "bar" }, h("h3", null, "Stubs"), stubClear),
    h("p", { class: "empty", id: "stub-empty" }, "No stubs. One gives an answer for an endpoint that is not modelled."),
    h("ul", { id: "stub-list", class: "list" }),
    h("form", {
      class: "fields",
      id: "stub-form",
      onsubmit: async (event) => {
        event.preventDefault();
        const done = await takeFrom(event.target, (values) => attempt(async () => send("POST", "stubs", { method: values.method, path: values.path, status: Number(values.status), json: json(values.json, "What to answer") })));
        if (done) look("stubs", "overview");
      },
    },
    h("label", null, "Method", h("select", { name: "method" }, ["GET", "POST", "PUT", "PATCH", "DELETE"].map((each) => h("option", null, each)))),
    input("Status", "status", { type: "number", min: 200, max: 599, value: "200", required: true }),
    h("label", { class: "wide" }, "Path", h("input", { name: "path", placeholder: "/v1/agents/{id}", required: true, autocomplete: "off", spellcheck: "false" })),
    h("label", { class: "wide" }, "JSON", h("textarea", { name: "json", rows: 2, spellcheck: "false" })),
    h("button", null, "Add stub")),
  ];
}

export function startPanels() {
  const clear = h("button", { type: "button", id: "fault-clear", class: "small", hidden: true }, "Disarm all");
  clear.addEventListener("click", () => attempt(() => send("DELETE", "faults")).then(() => look("faults", "overview")));
  $("#tab-faults").append(
    h("h2", null, "Faults"), faultForm(), h("div", { class: "bar" }, h("h3", null, "Armed"), clear),
    h("p", { class: "empty", id: "fault-empty" }, "None is armed: requests are answered as they should be."), h("ul", { id: "fault-list", class: "list" }));
  $("#tab-readings").append(
    h("h2", null, "Readings"), h("p", { class: "muted" }, "What Bluejay's documentation leaves open. Choose otherwise, and see what your client makes of it."), h("ul", { id: "reading-list" }));
  $("#tab-world").append(...world());
  onLook("faults", lookAtFaults);
  onLook("readings", lookAtReadings);
  onLook("runs", lookAtRuns);
  onLook("stubs", lookAtStubs);
  onLook("organisations", lookAtOrganisations);
}

export function badges(overview) {
  for (const [name, count] of [["faults", overview.faults], ["readings", overview.readings_changed.length]]) {
    for (const badge of $$(`#${name}-badge`)) {
      badge.hidden = count === 0;
      badge.textContent = String(count);
    }
  }
}
