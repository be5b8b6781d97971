// One test result: its history, its timers, the moves that are possible next, and its place in the diagram.

import { $, $$, h, put, say, sure } from "./dom.js";
import { attempt, get, look, onLook, Refused, send } from "./api.js";
import { instant, seconds, tick, timeOfDay } from "./time.js";
import { isFinal, pill, table, waysOn, words } from "./statuses.js";
import { choose, happen, mark, selected } from "./results.js";
import { diagram } from "./diagram.js";

let shown = null;
let record = null;

const BY = { agent: "agent", watchdog: "watchdog", test: "by hand", evaluation: "evaluation", api: "API", call: "call", limit: "longest duration", journey: "the step before" };

function entries(one) {
  const list = [{ at: one.created_at, what: h("span", null, "added"), kind: "plain" }];
  for (const control of one.controls) {
    list.push({ at: control.written_at, what: h("span", null, "marked for ending ", h("span", { class: "muted" }, `control object ${control.id}`)), kind: "mark" });
    if (control.by === "agent") list.push({ at: control.gone_at, what: h("span", null, "control picked up ", h("span", { class: "muted" }, "by the agent")), kind: "mark" });
    if (control.by === "watchdog") list.push({ at: control.gone_at, what: h("span", null, "control expired ", h("span", { class: "muted" }, "by the watchdog")), kind: "late" });
  }
  for (const move of one.history) {
    list.push({ at: move.at, what: h("span", null, pill(move.to), " ", h("span", { class: "muted" }, `${words(move.event)} · ${BY[move.cause] ?? move.cause}`)), kind: move.cause === "watchdog" ? "late" : "move" });
  }
  // Entries of the same instant keep the order in which they were listed.
  return list.map((entry, index) => ({ ...entry, index })).sort((a, b) => instant(a.at) - instant(b.at) || a.index - b.index);
}

function timeline(one) {
  const list = entries(one);
  const zero = instant(one.controls[0]?.written_at ?? one.created_at);
  const items = list.map((entry) => {
    const offset = instant(entry.at) - zero;
    return h("li", { class: entry.kind },
      h("time", { datetime: entry.at, title: entry.at }, `${offset < 0 ? "−" : "+"}${seconds(Math.abs(offset), 3)}`), entry.what);
  });
  if (one.watchdog) {
    const due = String(instant(one.watchdog.due));
    items.push(h("li", { class: "coming" },
      h("time", { datetime: one.watchdog.due, title: one.watchdog.due }, `+${seconds(instant(one.watchdog.due) - zero, 3)}`),
      h("span", { class: "watchdog" },
        h("span", null, "watchdog in ", h("strong", { class: "countdown", "data-until": due })),
        h("span", { class: "meter", "data-until": due, "data-of": "30000" }))));
  }
  return h("ol", { class: "timeline" }, items);
}

function agentForm(one) {
  const options = ["", "silent", "ends-after=2", "ends-within=20", "drops-after=5"];
  if (one.agent && !options.includes(one.agent)) options.push(one.agent);
  return h("select", {
    id: "result-agent",
    onchange: async (event) => { await attempt(() => send("PATCH", `test-results/${one.id}`, { agent: event.target.value || null })); look("results", "result"); },
    value: null,
  }, options.map((each) => h("option", { value: each, selected: each === (one.agent ?? "") }, each || "as the default says")));
}

function actions(one) {
  const ways = waysOn(one.status);
  const buttons = ways.map(({ event, to }) => h("button", {
    type: "button", title: `${event} → ${to}`, "data-event": event, onclick: () => happen(one.id, event),
    "aria-keyshortcuts": { end: "e", drop: "d" }[event],
  }, words(event)));
  if (one.status === "RUNNING") {
    buttons.unshift(h("button", { type: "button", class: "primary", id: "result-mark", "aria-keyshortcuts": "m", onclick: () => mark(one.id) }, one.watchdog ? "End again (as a client)" : "End (as a client)"));
  }
  return [
    one.error_code ? h("p", { class: "muted" }, "Error code: ", h("code", null, one.error_code)) : null,
    isFinal(one.status) ? h("p", { class: "muted" }, "By itself, nothing: this status is final.") : null,
    h("div", { class: "buttons" }, buttons),
  ];
}

const scores = (one) => (one.metrics.length
  ? h("ul", { class: "list", id: "result-scores" }, one.metrics.map((metric) => h("li", null,
    h("strong", null, metric.name), h("span", { class: "mono" }, metric.response_value), h("span", { class: "muted" }, metric.reasoning ?? ""))))
  : h("p", { class: "muted" }, "No custom metrics counted."));

// The transcript is loaded when somebody opens it, because it is a request to Bluejay, which the journal lists.
function transcript(one) {
  const said = h("ol", { class: "list" });
  const open = async (event) => {
    if (!event.target.open || said.children.length) return;
    const entries = await attempt(() => get(`../fake/transcripts/${one.id}.json`));
    put(said, (entries ?? []).map(({ speaker, utterance }) => h("li", null, h("strong", null, speaker), h("span", null, utterance))));
  };
  return h("details", { id: "result-transcript", ontoggle: open }, h("summary", null, "Transcript"), said);
}

function forceForm(one, chosen) {
  const select = h("select", { "aria-label": "Status", id: "result-force" }, table.statuses.map(({ name }) => h("option", { selected: name === chosen }, name)));
  return h("form", {
    class: "inline",
    onsubmit: async (event) => {
      event.preventDefault();
      await attempt(() => send("PATCH", `test-results/${one.id}`, { status: select.value, force: true }));
      look("results", "result", "overview");
    },
  }, select, h("button", null, "Force"));
}

export async function lookAtResult() {
  const asked = selected;
  let one = null;
  try {
    if (asked !== null) one = await get(`test-results/${asked}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  if (asked !== selected) return; // another one was chosen meanwhile
  draw(one, one === null && asked !== null ? `Test result ${asked} is gone.` : undefined);
}

// How to find an element of the tab again after it was drawn anew.
function place(element) {
  if (element.dataset.event) return `[data-event="${element.dataset.event}"]`;
  return element.localName === "summary" ? `#${element.parentElement.id} > summary` : element.id && `#${element.id}`;
}

function draw(one, instead) {
  const before = one && record?.id === one.id ? record : null;
  if (before && before.status !== one.status) say(`Test result ${one.id} is ${one.status} now.`);
  record = one;
  const key = JSON.stringify([one, instead]);
  if (key === shown) return;
  const tab = $("#tab-result");
  const focus = tab.contains(document.activeElement) && place(document.activeElement);
  const opened = before ? $$("details[open]", tab) : [];
  const chosen = before && $("#result-force").value !== before.status ? $("#result-force").value : one?.status;
  shown = key;
  if (one === null) {
    put(tab, h("p", { class: "empty" }, instead ?? "Choose a test result: its timeline, what may happen next and its place in the diagram are shown here."), diagram(null, new Set()));
    return;
  }
  const remove = h("button", { type: "button", class: "danger", "data-sure": "Really remove?" }, "Remove");
  sure(remove, async () => {
    await attempt(() => send("DELETE", `test-results/${one.id}`));
    choose(null, false);
    look("results", "overview");
  });
  const passed = new Set(one.history.flatMap((move) => [move.from, move.to]));
  const fields = Object.entries(one.fields);
  put(
    tab,
    h("header", { class: "head" }, h("h2", null, `Test result ${one.id}`), pill(one.status)),
    h("dl", { class: "facts" },
      h("dt", null, h("label", { for: "result-agent" }, "Agent")), h("dd", null, agentForm(one)),
      h("dt", null, "Organisation"), h("dd", null, one.organisation),
      one.run === null ? null : [h("dt", null, "Run"), h("dd", null, String(one.run))],
      h("dt", null, "Added"), h("dd", { class: "mono" }, `${one.created_at.slice(0, 10)} ${timeOfDay(one.created_at)}`)),
    h("h3", null, "Timeline"),
    timeline(one),
    h("h3", null, "What may happen now"),
    actions(one),
    one.status === "COMPLETED" || one.metrics.length ? [h("h3", null, "Scores"), scores(one), transcript(one)] : null,
    one.call ? h("details", { id: "result-call" }, h("summary", null, "Script of its call"), h("pre", null, JSON.stringify(one.call, null, 2))) : null,
    fields.length ? h("details", { id: "result-fields" }, h("summary", null, `Fields (${fields.length})`), h("pre", null, JSON.stringify(one.fields, null, 2))) : null,
    h("h3", null, "Transitions"),
    diagram(one.status, passed),
    h("div", { class: "last" }, forceForm(one, chosen), remove),
  );
  for (const each of opened) $(`#${each.id}`, tab)?.setAttribute("open", "");
  if (focus) $(focus, tab)?.focus();
  tick();
}

export function startResult() {
  onLook("result", lookAtResult);
}
