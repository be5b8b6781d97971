// The page: its visible parts, the keyboard, and the stream of changes that keeps it current.

import { $, $$, h } from "./dom.js";
import { attempt, get, listen, look, onLook, organisation, send } from "./api.js";
import { advance, pauseOrGoOn, setClock, startClock } from "./time.js";
import * as results from "./results.js";
import { choose, happen, mark, selected, show, startResults, turn } from "./results.js";
import { startResult } from "./result.js";
import * as requests from "./requests.js";
import { choose as chooseRequest, selected as request, startRequests } from "./requests.js";
import { badges, startPanels } from "./panels.js";
import * as resources from "./resources.js";
import { startWebhooks } from "./webhooks.js";
import { table } from "./statuses.js";

const narrow = matchMedia("(max-width: 900px)");
let details = "result";

// In a narrow window, which has room for one view, the address names it unless it shows what else the address names.
const usual = (parts) => (["result", "request", "tab"].some((name) => parts.has(name)) ? "side" : "results");

// The address names the view, and what the lists are searched and filtered for, so that a reload shows it again. Back
// leads to the view before; a search or a filter is no step of its own.
function where() {
  const parts = new URLSearchParams();
  if (selected !== null) parts.set("result", selected);
  if (request !== null && document.body.dataset.tab === "request") parts.set("request", request);
  if (!["result", "request"].includes(document.body.dataset.tab)) parts.set("tab", document.body.dataset.tab);
  if (narrow.matches && document.body.dataset.view !== usual(parts)) parts.set("view", document.body.dataset.view);
  results.address(parts);
  requests.address(parts);
  resources.address(parts);
  return String(parts);
}

let following = false;

function remember(how = "pushState") {
  const place = where();
  if (following || place === location.hash.slice(1)) return;
  history[how](null, "", place ? `#${place}` : location.pathname + location.search);
}
const refine = () => remember("replaceState");

function follow() {
  const parts = new URLSearchParams(location.hash.slice(1));
  const number = (name) => (/^-?\d{1,15}$/.test(parts.get(name) ?? "") ? Number(parts.get(name)) : null);
  const asked = number("request");
  const named = ["faults", "readings", "webhooks", "resources", "world"].includes(parts.get("tab")) ? parts.get("tab") : "result";
  const view = parts.get("view");
  following = true;
  results.follow(parts);
  requests.follow(parts);
  resources.follow(parts);
  document.body.dataset.view = ["results", "requests", "side"].includes(view) ? view : usual(parts);
  choose(number("result"), false);
  if (asked !== null) chooseRequest(asked, false);
  tab(asked === null ? named : "request");
  following = false;
}

function tab(name) {
  if (name === "details") name = details;
  if (name === "result" || name === "request") details = name;
  document.body.dataset.tab = name;
  for (const button of $$(".tabs button")) button.setAttribute("aria-current", String(button.dataset.tab === name));
  marks();
  remember();
}

// Show a view, and in it a tab: one step of the history.
function view(name, itsTab = document.body.dataset.tab) {
  document.body.dataset.view = name;
  scrollTo(0, 0);
  tab(itsTab);
}

function marks() {
  const { view: shown, tab: chosen } = document.body.dataset;
  for (const button of $$(".views button")) {
    const same = button.dataset.view === shown && (shown !== "side" || button.dataset.tab === chosen || (button.dataset.tab === "details" && ["result", "request"].includes(chosen)));
    button.setAttribute("aria-current", String(same));
  }
}

// Show a panel, and give the focus to its heading, or to a choice in it with which whoever opens it begins.
function openPanel(name, first = "h2") {
  view("side", name);
  const element = $(`#tab-${name} ${first}`);
  if (first === "h2") element.tabIndex = -1;
  element.focus();
}

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("theme", root.dataset.theme); } catch { /* the choice lasts as long as the page */ }
}

const onSelected = (act) => () => selected !== null && act(selected);
const KEYS = [
  ["/", "search test results", () => { view("results"); $("#results-search").focus(); $("#results-search").select(); }],
  ["a", "add test results", () => $("#add").click()],
  ["m", "end the chosen one's conversation, as a client would", onSelected(mark)],
  ["e", "its agent ends it", onSelected((id) => happen(id, "end"))],
  ["d", "its call drops", onSelected((id) => happen(id, "drop"))],
  ["p", "pause the clock, or go on", pauseOrGoOn],
  ["1", "advance by 1 s", () => advance("1")],
  ["2", "advance by 10 s", () => advance("10")],
  ["3", "advance by 30 s", () => advance("30")],
  ["n", "advance to the next timer", () => advance("next")],
  ["f", "faults", () => openPanel("faults", "#fault-kind")],
  ["r", "readings", () => openPanel("readings")],
  ["h", "webhooks, and the deliveries to them", () => openPanel("webhooks")],
  ["s", "resources: list, show, add, change, remove", () => openPanel("resources", "#resource-kind")],
  ["w", "the world: save, load, reset, runs, stubs, organisations", () => openPanel("world")],
  ["q", "search requests", () => { view("requests"); $("#requests-search").focus(); $("#requests-search").select(); }],
  ["[", "previous page", () => turn(-1)],
  ["]", "next page", () => turn(1)],
  ["t", "light or dark", theme],
  ["?", "these keys", () => $("#help").showModal()],
];
const MORE = [["↑ ↓", "move in a table (j, k), or from a search into it"], ["→ ←", "to a row's button and back, to a run's next test result"], ["Enter", "open"], ["Esc", "clear and leave a search, close a dialog"]];

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (event.target.closest("input, select, textarea")) {
    const search = event.target.type === "search";
    if (search && (event.key === "Enter" || event.key === "ArrowDown")) {
      event.preventDefault();
      $("tbody tr[tabindex='0']", event.target.closest(".panel"))?.focus();
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (search && event.target.value) {
        event.target.value = "";
        event.target.dispatchEvent(new Event("input"));
      }
      event.target.blur();
    }
    return;
  }
  const key = KEYS.find(([name]) => name === event.key);
  if (!key) return;
  event.preventDefault();
  key[2]();
}

function startAdding() {
  const dialog = $("#adding");
  const form = $("form", dialog);
  const problem = $(".problem", dialog);
  const { agent, seconds, count, id } = form.elements;
  form.elements.status.replaceChildren(...table.statuses.map(({ name }) => h("option", { selected: name === "RUNNING" }, name)));
  agent.addEventListener("change", () => { seconds.disabled = !agent.value.includes("-"); });
  count.addEventListener("input", () => { id.disabled = Number(count.value) !== 1; });
  $("#add").addEventListener("click", () => { problem.hidden = true; dialog.showModal(); count.select(); });
  $("[data-close]", dialog).addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = { status: form.elements.status.value, organisation: form.elements.organisation.value || "default" };
    if (agent.value) body.agent = agent.value.includes("-") ? `${agent.value}=${seconds.value || 0}` : agent.value;
    if (id.value && !id.disabled) body.id = Number(id.value);
    else body.count = Number(count.value);
    try {
      const added = await send("POST", "test-results", body);
      dialog.close();
      choose((Array.isArray(added) ? added[0] : added).id, false);
      look("results", "overview");
    } catch (error) {
      problem.hidden = false;
      problem.textContent = error.message;
    }
  });
}

async function start() {
  try { if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme"); } catch { /* the system's theme */ }
  const transitions = await attempt(() => get("transitions"));
  if (!transitions) { $("#live").textContent = "no answer"; $("#live").dataset.state = "reconnecting"; setTimeout(start, 3000); return; }
  Object.assign(table, transitions);
  startClock();
  startResults((id, opened) => {
    look("result");
    if (opened && narrow.matches) view("side", "result");
    else tab("result");
  }, refine);
  startResult();
  startRequests((opened) => {
    if (opened && narrow.matches) view("side", "request");
    else tab("request");
  }, refine);
  startPanels();
  startWebhooks();
  const knowing = attempt(() => resources.startResources(refine));
  startAdding();
  onLook("overview", async () => {
    const overview = await get("overview");
    $("#version").textContent = organisation === null ? overview.version : `${overview.version} · the world of ${organisation}`;
    setClock(overview.clock);
    show(overview.statuses);
    badges(overview);
  });
  $("#keys").append(...[...KEYS.map(([name, what]) => [name, what]), ...MORE].flatMap(([name, what]) => [h("dt", null, h("kbd", null, name)), h("dd", null, what)]));
  for (const button of $$(".tabs button")) button.addEventListener("click", () => tab(button.dataset.tab));
  for (const button of $$(".views button")) button.addEventListener("click", () => view(button.dataset.view, button.dataset.tab));
  $("#theme").addEventListener("click", theme);
  $("#help-button").addEventListener("click", () => $("#help").showModal());
  document.addEventListener("keydown", onKey);
  addEventListener("popstate", follow);
  const typed = $$("main > section input[type=search]").map((search) => [search, search.value]);
  follow();
  for (const [search, text] of typed) { // what was typed while the page started stays
    if (!text) continue;
    search.value = text;
    search.dispatchEvent(new Event("input"));
  }
  await knowing;
  listen((state) => {
    $("#live").textContent = state;
    $("#live").dataset.state = state;
  });
}

start();
