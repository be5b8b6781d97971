// Webhooks, and the deliveries to them, the newest first: event, address, attempts and payload.

import { $, copy, h, put, sure, takeFrom, updateRows } from "./dom.js";
import { attempt, get, look, onLook, page, send } from "./api.js";
import { input } from "./panels.js";
import { timeOfDay } from "./time.js";

const MOST = 50;
const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;
const facts = (pairs) => h("dl", { class: "facts" }, pairs.map(([name, value]) => [h("dt", null, name), h("dd", null, value)]));

function webhook(one) {
  const place = `webhooks/${one.id}`;
  const able = h("button", { type: "button", onclick: () => attempt(() => send("PATCH", place, { enabled: !one.enabled })) }, one.enabled ? "Disable" : "Enable");
  const remove = h("button", { type: "button", class: "danger", "data-sure": "Really remove?" }, "Remove");
  sure(remove, () => attempt(() => send("DELETE", place)));
  const agents = [one.agents.length ? `agents ${one.agents.join(", ")}` : "", one.folders.length ? `folders ${one.folders.join(", ")}` : ""].filter(Boolean).join("; ");
  return h("details", null,
    h("summary", null, h("strong", { class: "wrap" }, one.url ?? "a function in a test"), one.enabled ? null : h("span", { class: "tag" }, "disabled"),
      h("span", { class: "muted" }, [count(one.events.length, "event"), agents || "all agents"].join(" · "))),
    facts([
      ["Events", h("span", { class: "mono wrap" }, one.events.join(", "))],
      ["Of", agents || "all agents"],
      ["Organisation", one.organisation],
      ["Retries", one.retries === null ? "as the reading webhook_retries says" : String(one.retries)],
      ["Secret", h("span", { class: "mono" }, one.secret)],
      ["Id", h("span", { class: "mono wrap" }, one.id)],
    ]),
    h("div", { class: "buttons" }, able, remove));
}

const outcome = (attempt) => (attempt.status === null ? "no answer" : String(attempt.status));

function state(one) {
  const last = one.attempts.at(-1);
  if (one.delivered) return ["done", `delivered · ${one.attempts.find((each) => each.status >= 200 && each.status < 300 && each.problem === null).status}`];
  if (one.given_up) return ["fail", last ? `failed · ${outcome(last)}` : "not sent"];
  return last ? ["money", `to be repeated · ${outcome(last)}`] : ["wait", "to be sent"];
}

function delivery(one) {
  const [tone, text] = state(one);
  const payload = JSON.stringify(one.body, null, 2);
  return h("details", null,
    h("summary", null, h("strong", null, one.event), " ", h("span", { class: `pill ${tone}` }, text),
      h("span", { class: "muted mono wrap" }, `${one.number} · ${timeOfDay(one.created_at)} → ${one.to}`)),
    h("h3", null, "Attempts"),
    h("ol", { class: "attempts" }, one.attempts.map((each) => h("li", null,
      h("time", { datetime: each.at, class: "mono muted" }, timeOfDay(each.at)), h("strong", null, outcome(each)), each.problem ? h("span", { class: "wrap" }, each.problem) : null)),
    one.planned ? h("li", { class: "muted" }, `${count(one.planned, "attempt")} to come`) : one.attempts.length ? null : h("li", { class: "muted" }, "none: the webhook was removed or disabled")),
    h("h3", null, "Payload"),
    h("pre", { tabindex: "0" }, payload.length > 20000 ? `${payload.slice(0, 20000)}…` : payload));
}

async function lookAtWebhooks() {
  const [webhooks, { data, total }] = await Promise.all([get("webhooks"), page(`deliveries?order=newest&limit=${MOST}`)]);
  updateRows($("#webhook-list"), webhooks, (one) => one.id, webhook);
  $("#webhook-empty").hidden = webhooks.length > 0;
  const to = (one) => one.url ?? (webhooks.some(({ id }) => id === one.webhook_id) ? "a function in a test" : "a webhook that is gone");
  updateRows($("#delivery-list"), data.map((one) => ({ ...one, to: to(one) })), (one) => one.number, delivery);
  $("#delivery-count").textContent = total > data.length ? `newest ${MOST} of ${total.toLocaleString("en")}` : total ? String(total) : "";
  $("#delivery-empty").hidden = data.length > 0;
}

async function add(form) {
  const added = await takeFrom(form, ({ url, secret, organisation }) => attempt(() => send("POST", "webhooks", { url, secret: secret || null, organisation })));
  if (added === null) return;
  put($("#webhook-secret"), "Deliveries are signed with ", h("code", { class: "wrap" }, added.secret), ", which is shown this once. ",
    h("button", { type: "button", class: "small", onclick: () => copy(added.secret) }, "Copy"));
  look("webhooks");
}

export function startWebhooks() {
  $("#tab-webhooks").append(
    h("h2", null, "Webhooks"),
    h("p", { class: "empty", id: "webhook-empty" }, "No webhooks. Add the address of a server on this machine, or a test adds a function."),
    h("ul", { id: "webhook-list", class: "list" }),
    h("details", { id: "webhook-adding" }, h("summary", null, "Add one, for all events"),
      h("form", { class: "fields", onsubmit: (event) => { event.preventDefault(); add(event.target); } },
        h("label", { class: "wide" }, "URL", h("input", { name: "url", placeholder: "of a server on this machine", required: true, autocomplete: "off", spellcheck: "false" })),
        input("Secret", "secret", { type: "password", placeholder: "drawn", autocomplete: "new-password" }),
        h("label", null, "Organisation", h("select", { name: "organisation" })),
        h("button", null, "Add webhook")),
      h("p", { class: "muted", id: "webhook-secret" })),
    h("div", { class: "bar" }, h("h3", null, "Deliveries ", h("span", { class: "muted", id: "delivery-count" }))),
    h("p", { class: "empty", id: "delivery-empty" }, "None yet. A test result that ends makes one, for example."),
    h("ul", { id: "delivery-list", class: "list" }));
  onLook("webhooks", lookAtWebhooks);
}
