// The table of test results: one page of those that match, loaded again with each change.

import { $, arrows, h, note, reachable, updateRows } from "./dom.js";
import { attempt, look, onLook, page, send } from "./api.js";
import { instant, seconds, tick } from "./time.js";
import { pill, table, tone, words } from "./statuses.js";

const PAGE = 100;
const view = { q: "", statuses: new Set(), offset: 0, total: 0, order: "oldest" };
export let selected = null;
let open = () => {};
let filtered = () => {};
let counts = {};

const toServer = (milliseconds) => String(milliseconds);
const since = (from) => h("span", { "data-since": toServer(from) });
const until = (to) => h("span", { class: "countdown", "data-until": toServer(to) });
const BY = { agent: "the agent", watchdog: "the watchdog", test: "hand", evaluation: "the evaluation", api: "the API", call: "the call itself", limit: "its longest duration", journey: "the step before it" };

// Describe the state of a test result in a few words.
export function story(record) {
  const control = record.controls.at(-1);
  if (record.watchdog) return ["watchdog in ", until(instant(record.watchdog.due))];
  if (record.status === "RUNNING") return ["running for ", since(instant(record.start_time))];
  const ended = record.history.findLast((move) => move.from === "RUNNING");
  if (!ended) {
    const last = record.history.at(-1);
    return [last ? `${words(last.event)}, by ${BY[last.cause] ?? last.cause}` : "as it was added"];
  }
  const after = control && instant(ended.at) >= instant(control.written_at)
    ? ` after ${seconds(instant(ended.at) - instant(control.written_at))}` : "";
  const what = ended.event === "drop" ? "the call dropped" : `ended by ${BY[ended.cause] ?? ended.cause}`;
  return [what + after];
}

// Draw four steps: marked, picked up (or expired by the watchdog), ended, evaluated. The watchdog runs between the first two.
export function track(record) {
  const control = record.controls.at(-1);
  const ended = record.end_time !== null && record.status !== "RUNNING";
  const dropped = ended && tone(record.status) === "fail";
  const steps = [
    ["marked", control && "on"],
    [control?.by === "watchdog" ? "expired by the watchdog" : "picked up by the agent",
      control?.by === "agent" ? "on" : control?.by === "watchdog" ? "late" : null],
    ["ended", ended && (dropped ? "bad" : "on")],
    ["evaluated", record.status === "COMPLETED" && ended && "on"],
  ];
  const parts = [];
  for (const [index, [name, state]] of steps.entries()) {
    if (index > 0) {
      const running = index === 1 && record.watchdog;
      parts.push(h("i", running
        ? { class: "run", "data-until": toServer(instant(record.watchdog.due)), "data-of": "30000" }
        : { class: steps[index][1] && steps[index - 1][1] ? "on" : "" }));
    }
    parts.push(h("b", { class: state || "", title: state ? name : `not ${name}` }));
  }
  const said = steps.filter(([, state]) => state).map(([name]) => name).join(", ") || "not marked";
  return h("span", { class: "track", role: "img", "aria-label": said }, parts);
}

function row(record) {
  const end = record.status === "RUNNING"
    ? h("button", { type: "button", class: "small", title: "Ask for its end, as a client would (m)", onclick: () => mark(record.id) },
        "End")
    : null;
  return [
    h("td", { class: "number" }, String(record.id)),
    h("td", null, pill(record.status)),
    h("td", { class: "agent muted" }, record.agent ?? "default"),
    h("td", { class: "track-cell" }, track(record)),
    h("td", { class: "story" }, h("span", null, story(record))),
    h("td", { class: "act" }, end),
  ];
}

export async function mark(id) {
  const answer = await attempt(() => send("POST", "end-conversations", { test_result_ids: [id] }));
  if (!answer) return;
  const body = JSON.parse(answer.text || "null");
  if (answer.status_code !== 200) note(`Marking ${id} was answered ${answer.status_code}: ${answer.text.slice(0, 300)}`);
  else if (body?.failed_ids?.includes(id)) note(`${id} could not be marked: ${body.message}.`);
}

export async function happen(id, event) {
  if (await attempt(() => send("POST", `test-results/${id}/events`, { event, cause: "agent" }))) look("results", "result", "overview");
}

export function show(statuses) {
  counts = statuses;
  const all = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  const names = table.statuses.map((one) => one.name).filter((name) => statuses[name] || view.statuses.has(name));
  const chip = (name, count, pressed, press) => h("button", {
    type: "button", class: `chip ${name ? tone(name) : ""}`, "aria-pressed": String(pressed), "data-status": name ?? "", onclick: press,
  }, name ?? "All", h("span", { class: "count" }, count.toLocaleString("en")));
  const focused = document.activeElement?.closest?.("#chips")?.contains(document.activeElement) && document.activeElement.dataset.status;
  $("#chips").replaceChildren(
    chip(null, all, view.statuses.size === 0, () => filter(() => view.statuses.clear())),
    ...names.map((name) => chip(name, statuses[name] ?? 0, view.statuses.has(name), () => filter(() => {
      if (!view.statuses.delete(name)) view.statuses.add(name);
    }))),
  );
  if (typeof focused === "string") $(`#chips [data-status="${focused}"]`)?.focus();
}

function filter(change) {
  change();
  view.offset = 0;
  show(counts);
  look("results");
  filtered();
}

// What the address says of the table, written and read.
export function address(parts) {
  if (view.q) parts.set("q", view.q);
  if (view.statuses.size) parts.set("status", [...view.statuses].join(","));
  if (view.order !== "oldest") parts.set("order", view.order);
  if (view.offset) parts.set("page", view.offset / PAGE + 1);
}

export function follow(parts) {
  view.q = $("#results-search").value = parts.get("q") ?? "";
  view.statuses = new Set((parts.get("status") ?? "").split(",").filter((name) => table.statuses.some((one) => one.name === name)));
  view.order = $("#order").value = parts.get("order") === "newest" ? "newest" : "oldest";
  view.offset = /^[1-9]\d{0,8}$/.test(parts.get("page")) ? (Number(parts.get("page")) - 1) * PAGE : 0;
  look("results", "overview");
}

const wanted = () => {
  const query = new URLSearchParams({ offset: view.offset, limit: PAGE, order: view.order });
  if (view.q) query.set("q", view.q);
  if (view.statuses.size) query.set("status", [...view.statuses].join(","));
  return String(query);
};

async function lookAtResults() {
  const query = wanted();
  const { data, total } = await page(`test-results?${query}`);
  if (query !== wanted()) return; // something else is asked for meanwhile, and will be looked at
  if (view.offset >= total && view.offset > 0) {
    view.offset = Math.max(0, Math.floor((total - 1) / PAGE) * PAGE);
    look("results");
    return filtered();
  }
  view.total = total;
  updateRows($("#results-rows"), data, (record) => record.id, row);
  reachable($("#results-rows"), selected);
  const empty = $("#results-empty");
  empty.hidden = data.length > 0;
  if (!data.length) {
    empty.replaceChildren(view.q || view.statuses.size
      ? "No test result matches. Clear the search, or choose All."
      : h("span", null, "There are no test results yet. ", h("button", { type: "button", class: "link", onclick: () => $("#add").click() }, "Add some"), " to see them live here."));
  }
  $("#results-pages").hidden = total <= PAGE && view.order === "oldest";
  $("#page-text").textContent = total ? `${(view.offset + 1).toLocaleString("en")}–${(view.offset + data.length).toLocaleString("en")} of ${total.toLocaleString("en")}` : "";
  $("#page-back").disabled = view.offset === 0;
  $("#page-on").disabled = view.offset + PAGE >= total;
  tick();
}

export function turn(pages) {
  const offset = view.offset + pages * PAGE;
  if (offset < 0 || (pages > 0 && offset >= view.total)) return;
  view.offset = offset;
  $("#results .scroll").scrollTop = 0;
  look("results");
  filtered();
}

export function choose(id, opened) {
  selected = id;
  reachable($("#results-rows"), id);
  open(id, opened);
}

export function startResults(onOpen, onFiltered) {
  open = onOpen;
  filtered = onFiltered;
  onLook("results", lookAtResults);
  arrows($("#results-rows"), (key, opened) => choose(Number(key), opened));
  $("#results-search").addEventListener("input", (event) => filter(() => { view.q = event.target.value.trim(); }));
  $("#order").addEventListener("change", (event) => filter(() => { view.order = event.target.value; }));
  $("#page-back").addEventListener("click", () => turn(-1));
  $("#page-on").addEventListener("click", () => turn(1));
}
