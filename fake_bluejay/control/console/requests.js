// The journal: requests and answers, the newest first; and one of them whole, with the command that repeats it.

import { $, arrows, copy, h, put, reachable, sure, updateRows } from "./dom.js";
import { attempt, get, look, onLook, page, Refused, send } from "./api.js";
import { timeOfDay } from "./time.js";

const MOST = 200;
let q = "";
export let selected = null;
let open = () => {};
let searched = () => {};
let shown = null;

const code = (status) => h("span", { class: `code ${status >= 500 ? "fail" : status >= 400 ? "money" : "done"}` }, String(status));

function row(one) {
  const target = one.path + (one.query ? `?${one.query}` : "");
  return [
    h("td", { class: "number" }, String(one.number)),
    h("td", { class: "mono muted" }, timeOfDay(one.at).slice(0, 8), h("span", { class: "fine" }, timeOfDay(one.at).slice(8))),
    h("td", { class: "method" }, one.method),
    h("td", { class: "path mono", title: target }, target, one.faults.length ? h("span", { class: "tag", title: one.faults.join(", ") }, "fault") : null),
    h("td", { class: "number" }, one.response ? code(one.response.status_code) : "…"),
  ];
}

async function lookAtRequests() {
  const query = new URLSearchParams({ order: "newest", limit: MOST, brief: true });
  if (q) query.set("q", q);
  const { data, total } = await page(`requests?${query}`);
  if ((query.get("q") ?? "") !== q) return; // something else is searched for meanwhile
  updateRows($("#requests-rows"), data, (one) => one.number, row);
  reachable($("#requests-rows"), selected);
  $("#requests-count").textContent = total > data.length ? `newest ${MOST} of ${total.toLocaleString("en")}` : total ? String(total) : "";
  $("#requests-empty").hidden = data.length > 0;
  $("#requests-empty").textContent = q ? "No request matches the search." : "No requests yet. Whatever a client sends to this server appears here.";
}

function body(title, part) {
  const text = part.json !== null && part.json !== undefined ? JSON.stringify(part.json, null, 2) : part.text;
  const headers = Object.entries(part.headers);
  return [
    h("h3", null, title, h("span", { class: "muted" }, ` ${part.size.toLocaleString("en")} bytes`)),
    text ? h("pre", { tabindex: "0" }, text.length > 20000 ? `${text.slice(0, 20000)}…` : text) : h("p", { class: "muted" }, "no body"),
    h("details", null, h("summary", null, `Headers (${headers.length})`), h("dl", { class: "headers" }, headers.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]))),
  ];
}

async function lookAtRequest() {
  const tab = $("#tab-request");
  const asked = selected;
  let one = null;
  try {
    if (asked !== null) one = await get(`requests/${asked}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  if (asked !== selected) return; // another one was chosen meanwhile
  const key = JSON.stringify(one);
  if (key === shown) return;
  shown = key;
  if (one === null) {
    put(tab, h("p", { class: "empty" }, selected === null ? "Choose a request: its body, its answer and the line that repeats it are shown here." : `Request ${selected} is no longer in the journal.`));
    return;
  }
  put(
    tab,
    h("header", { class: "head" }, h("h2", null, `Request ${one.number}`), one.response ? code(one.response.status_code) : null),
    h("p", { class: "mono wrap" }, `${one.method} ${one.path}${one.query ? `?${one.query}` : ""}`),
    h("p", { class: "muted" }, `at ${one.at.slice(0, 10)} ${timeOfDay(one.at)} of the fake's clock`),
    one.faults.length ? h("p", { class: "warn" }, `Fault: ${one.faults.join(", ")}`) : null,
    h("div", { class: "curl" },
      h("div", { class: "bar" }, h("h3", null, "Repeat it"), h("button", { type: "button", id: "copy", class: "small", onclick: () => copy(one.curl) }, "Copy")),
      h("pre", { tabindex: "0", id: "curl" }, one.curl),
      h("p", { class: "muted" }, "The key is never shown: put it into the environment as BLUEJAY_API_KEY.")),
    ...body("Request", one),
    ...(one.response ? body("Answer", one.response) : [h("p", { class: "muted" }, "It was not answered.")]),
  );
}

export function choose(number, opened) {
  selected = number;
  reachable($("#requests-rows"), selected);
  look("request");
  open(opened);
}

// What the address says of the journal, written and read.
export function address(parts) {
  if (q) parts.set("requests", q);
}

export function follow(parts) {
  q = $("#requests-search").value = parts.get("requests") ?? "";
  look("requests");
}

export function startRequests(onOpen, onSearched) {
  open = onOpen;
  searched = onSearched;
  onLook("requests", lookAtRequests);
  onLook("request", lookAtRequest);
  arrows($("#requests-rows"), (key, opened) => choose(Number(key), opened));
  $("#requests-search").addEventListener("input", (event) => { q = event.target.value.trim(); look("requests"); searched(); });
  sure($("#requests-clear"), () => attempt(() => send("DELETE", "requests")));
}
