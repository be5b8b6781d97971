// The control API, and the stream of changes that says when to look again.

import { note } from "./dom.js";

export class Refused extends Error {}

// The world of one organisation, if the page was opened as /_fake/?organisation=NAME.
export const organisation = new URLSearchParams(location.search).get("organisation");

export function place(path) {
  if (organisation === null) return path;
  return `${path}${path.includes("?") ? "&" : "?"}organisation=${encodeURIComponent(organisation)}`;
}

async function answer(method, path, body) {
  let response;
  try {
    response = await fetch(place(path), {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new Refused("The server does not answer. Is it still running?");
  }
  const data = await response.json().catch(() => null);
  if (!response.ok) throw new Refused(data?.detail ?? `${method} ${path} was answered ${response.status}.`);
  return { data, total: Number(response.headers.get("x-total-count")) };
}

export const get = async (path) => (await answer("GET", path)).data;
export const page = (path) => answer("GET", path);
export const send = async (method, path, body) => (await answer(method, path, body)).data;

// Carry out a request that the server may refuse, and show its refusal.
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error);
    note(error.message);
    return null;
  }
}

const TOPICS = {
  "test-result-added": ["overview", "results"],
  "test-result-moved": ["overview", "results", "result", "runs"],
  "test-result-marked": ["overview", "results", "result"],
  "control-object-gone": ["results", "result"],
  "test-result-changed": ["results", "result"],
  "test-result-removed": ["overview", "results", "result", "runs"],
  "run-added": ["results", "runs"],
  "run-removed": ["overview", "results", "result", "runs"],
  "clock-moved": ["overview"],
  "clock-changed": ["overview"],
  "request-answered": ["overview", "requests"],
  "requests-cleared": ["overview", "requests", "request"],
  "fault-armed": ["overview", "faults"],
  "fault-met": ["overview", "faults"],
  "faults-cleared": ["overview", "faults"],
  "readings-changed": ["overview", "readings"],
  "organisation-added": ["overview", "organisations"],
  "webhook-added": ["webhooks"],
  "webhook-changed": ["webhooks"],
  "webhook-removed": ["webhooks"],
  "webhook-attempted": ["webhooks"],
  "delivery-added": ["webhooks"],
  "stub-added": ["overview", "stubs"],
  "stubs-cleared": ["overview", "stubs"],
};

// Changes come in bursts: the page loads its data anew once for each burst, and never twice at the same time.
const PAUSE = 100;
const looks = {};
const due = new Set();
let looking = false;
let last = 0;

export const hear = (kind, ...topics) => { TOPICS[kind] = topics; };
export const onLook = (topic, look) => { looks[topic] = look; };
export const all = () => Object.keys(looks);

export function look(...topics) {
  for (const topic of topics) due.add(topic);
  if (looking) return;
  looking = true;
  setTimeout(lookNow, Math.max(10, last + PAUSE - performance.now()));
}

async function lookNow() {
  const topics = [...due];
  due.clear();
  last = performance.now();
  const done = await Promise.allSettled(topics.map((topic) => looks[topic]?.()));
  for (const one of done) if (one.status === "rejected" && !(one.reason instanceof Refused)) console.error(one.reason);
  looking = false;
  if (due.size) look();
}

// Return the reason for which the server refuses the stream, such as too many pages; null if it would accept it now.
async function refusal() {
  const asked = new AbortController();
  const response = await fetch(place("events"), { signal: asked.signal }).catch(() => null);
  if (response === null) return null; // the server does not answer, which the page already shows
  if (!response.ok) return (await response.json().catch(() => null))?.detail ?? `GET events was answered ${response.status}.`;
  asked.abort();
  return null;
}

// A browser opens six connections to a server, and each stream holds one: a hidden page closes its stream.
export function listen(show, told = null) {
  if (document.hidden) {
    show("paused");
    document.addEventListener("visibilitychange", () => listen(show, told), { once: true });
    return;
  }
  const events = new EventSource(place("events"));
  const leave = () => {
    if (!document.hidden) return;
    events.close();
    document.removeEventListener("visibilitychange", leave);
    listen(show, told);
  };
  document.addEventListener("visibilitychange", leave);
  for (const [kind, topics] of Object.entries(TOPICS)) events.addEventListener(kind, () => look(...topics));
  for (const kind of ["resync", "world-replaced"]) events.addEventListener(kind, () => look(...all()));
  events.addEventListener("open", () => { show("live"); look(...all()); });
  events.addEventListener("error", async () => {
    show("reconnecting");
    if (events.readyState !== EventSource.CLOSED) return;
    document.removeEventListener("visibilitychange", leave);
    look(...all()); // without a stream, the page still shows the world, if a little late
    const why = document.hidden ? null : await refusal();
    if (why !== null && why !== told) note(`This page does not hear of changes, and looks every few seconds: ${why}`);
    setTimeout(() => listen(show, why ?? told), 3000);
  });
}
