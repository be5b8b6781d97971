// The resources, as the control API describes them: listed, shown, added, changed and removed.

import { $, h, put, sure } from "./dom.js";
import { attempt, get, hear, look, onLook, page, Refused, send } from "./api.js";

const MOST = 50;
let kinds = [];
const chosen = () => kinds.find((one) => one.collection === $("#resource-kind").value);

const written = (value) => JSON.stringify(value, null, 2);
function read(text) {
  try { return JSON.parse(text); } catch (error) { throw new Refused(`The fields are not JSON: ${error.message}`); }
}

const title = ({ name, title, test_name, kind, status }) => name ?? title ?? test_name ?? kind ?? status ?? "";
const area = (text, label) => h("textarea", { rows: Math.min(14, text.split("\n").length + 1), spellcheck: "false", "aria-label": label, value: text });
const done = (answer) => { if (answer !== null) look("resources"); return answer; };

function entry(one) {
  const place = `resources/${one.collection}/${encodeURIComponent(one.id)}`;
  const text = area(written(one.fields), `Fields of ${one.id}`);
  const remove = h("button", { type: "button", class: "danger", "data-sure": "Really remove?" }, "Remove");
  sure(remove, () => attempt(() => send("DELETE", place)).then(done));
  return h("li", { "data-key": String(one.id) }, h("details", null,
    h("summary", null, h("strong", null, title(one.fields)), " ", h("span", { class: "mono muted" }, `${one.id} · ${one.organisation}`)),
    h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        attempt(() => {
          const fields = Object.fromEntries(Object.entries(read(text.value)).filter(([name, value]) => written(value) !== written(one.fields[name])));
          return send("PATCH", place, { fields });
        }).then(done);
      },
    }, text, h("div", { class: "buttons" }, h("button", null, "Save"), remove))));
}

// An entity that has not changed keeps its element, so that an open or half-written part of it survives.
const shown = new Map();
function draw(entities) {
  const list = $("#resource-list");
  const before = new Map([...list.children].map((item) => [item.dataset.key, item]));
  put(list, entities.map((one) => {
    const key = String(one.id);
    const same = shown.get(key) === written(one) && before.get(key);
    const item = same || entry(one);
    if (!same && before.get(key)) $("details", item).open = $("details", before.get(key)).open;
    shown.set(key, written(one));
    return item;
  }));
}

async function lookAtResources() {
  kinds = await get("resources");
  const select = $("#resource-kind");
  const before = select.value;
  put(select, kinds.map((one) => h("option", { value: one.collection, selected: one.collection === before }, `${one.collection.replaceAll("_", " ")} (${one.count})`)));
  const kind = chosen();
  const query = new URLSearchParams({ q: $("#resource-search").value, limit: MOST, order: "newest" });
  const { data, total } = await page(`resources/${kind.collection}?${query}`);
  draw(data);
  const links = kind.links.map(({ field, to, on_delete }) => `${field} → ${to.replaceAll("_", " ")}, ${on_delete}`).join(" · ");
  put($("#resource-about"), total > data.length ? `The newest ${data.length} of ${total}. ` : data.length ? "" : "There are none. ", links && `Refers to others: ${links}`);
}

// The browser tells of the opening late, perhaps after the first keys: what was written by then stays.
function adding() {
  const text = area("", "Fields of the new one");
  text.id = "resource-new";
  return h("details", { id: "resource-adding", ontoggle: (event) => { if (event.target.open) text.value ||= written(chosen().example); } },
    h("summary", null, "Add one"),
    h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        attempt(() => send("POST", `resources/${chosen().collection}`, read(text.value))).then(done);
      },
    }, text, h("button", { class: "primary" }, "Add it")));
}

export async function startResources() {
  $("#tab-resources").append(
    h("h2", null, "Resources"),
    h("div", { class: "fields" },
      h("label", null, "Which", h("select", { id: "resource-kind", onchange: () => { $("#resource-adding").open = false; $("#resource-new").value = ""; shown.clear(); look("resources"); } })),
      h("label", null, "Search", h("input", { id: "resource-search", type: "search", autocomplete: "off", spellcheck: "false", oninput: () => look("resources") }))),
    h("p", { class: "muted", id: "resource-about" }),
    adding(),
    h("ul", { id: "resource-list", class: "list" }));
  for (const { name } of await get("resources")) {
    for (const what of ["added", "changed", "removed"]) hear(`${name.replaceAll(" ", "-")}-${what}`, "resources");
  }
  onLook("resources", lookAtResources);
}
