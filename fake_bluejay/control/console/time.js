// The fake's clock. The page computes the present from the server's last answer, so a countdown never drifts from it.

import { $, $$, note } from "./dom.js";
import { attempt, look, send } from "./api.js";

let clock = null;
let heard = 0;
let asked = null;

// Return milliseconds since 1970, with the microseconds after the decimal point.
export const instant = (iso) => Date.parse(`${iso.slice(0, 23)}Z`) + Number(iso.slice(23, 26).padEnd(3, "0")) / 1000;

export function now() {
  return clock === null ? 0 : instant(clock.now) + (performance.now() - heard) * clock.speed;
}

export function seconds(milliseconds, digits = 1) {
  const total = milliseconds / 1000;
  if (Math.abs(total) < 60) return `${total.toFixed(digits)} s`;
  if (total < 3600) return `${Math.floor(total / 60)} min ${String(Math.floor(total % 60)).padStart(2, "0")} s`;
  if (total < 86400) return `${Math.floor(total / 3600)} h ${String(Math.floor((total % 3600) / 60)).padStart(2, "0")} min`;
  return `${Math.floor(total / 86400)} d`;
}

export const timeOfDay = (iso) => iso.slice(11, 23);

// Elements that show a duration: data-until counts down to an instant, data-since counts up from one.
export function tick() {
  if (clock === null) return;
  const at = now();
  const text = new Date(Math.floor(at)).toISOString();
  $("#now").textContent = text.slice(11, 23);
  $("#day").textContent = `${text.slice(0, 10)} UTC`;
  for (const element of $$("[data-until]")) {
    const left = Math.max(0, Number(element.dataset.until) - at);
    if (element.dataset.of) element.style.setProperty("--done", String(1 - Math.min(1, left / Number(element.dataset.of))));
    else element.textContent = seconds(left);
  }
  for (const element of $$("[data-since]")) element.textContent = seconds(Math.max(0, at - Number(element.dataset.since)));
  if (clock.next_due !== null) {
    const due = instant(clock.next_due);
    $("#next").textContent = `To next timer · ${seconds(Math.max(0, due - at))}`;
    // The server fires due timers when it is asked; one request for each timer is enough.
    if (clock.speed > 0 && at > due + 20 && asked !== due) {
      asked = due;
      look("overview", "results", "result");
    }
  }
}

export function setClock(data) {
  clock = data;
  heard = performance.now();
  const manual = clock.mode === "manual";
  const pause = $("#pause");
  pause.disabled = manual;
  pause.textContent = clock.paused ? "Go on" : "Pause";
  pause.title = manual ? "A manual clock stands still until it is advanced" : "Pause or go on (p)";
  $("#pace").textContent = manual ? "manual" : clock.paused ? "paused" : `real × ${clock.speed}`;
  $("#pace").className = `pace ${manual ? "manual" : clock.paused ? "paused" : "real"}`;
  const speed = $("#speed");
  if (document.activeElement !== speed && !clock.paused) {
    const value = manual ? "manual" : String(clock.speed);
    const other = $("option[value=other], option[data-other]", speed);
    other.hidden = true;
    if (![...speed.options].some((option) => option.value === value)) {
      other.dataset.other = "";
      other.value = value;
      other.textContent = `× ${value}`;
    }
    if (other.value === value) other.hidden = false;
    speed.value = value;
  }
  const next = $("#next");
  next.disabled = clock.next_due === null;
  next.title = clock.next_due === null ? "No timer is pending" : `${clock.pending} pending; the next at ${timeOfDay(clock.next_due)} (n)`;
  if (clock.next_due === null) next.textContent = "To next timer";
  tick();
}

export function startClock() {
  $("#pause").addEventListener("click", () => change({ paused: !clock.paused }));
  $("#speed").addEventListener("change", (event) => {
    const value = event.target.value;
    event.target.blur();
    change(value === "manual" ? { mode: "manual" } : { mode: "real", speed: Number(value) });
  });
  for (const button of $$("[data-advance]")) button.addEventListener("click", () => advance(button.dataset.advance));
  setInterval(() => { if (!document.hidden && clock?.speed > 0) tick(); }, 100);
}

async function change(body) {
  const data = await attempt(() => send("PATCH", "clock", body));
  if (data) setClock(data);
}

export async function advance(by) {
  const data = await attempt(() => send("POST", "clock/advance", by === "next" ? { next: true } : { seconds: Number(by) }));
  if (!data) return;
  setClock(data);
  look("results", "result");
}

export function pauseOrGoOn() {
  if (clock?.mode === "manual") note("The clock is manual: it stands still until it is advanced. Choose a speed to let it run.");
  else $("#pause").click();
}
