// The resources, as the control API describes them: listed, shown, added, changed and removed.

import { $, h, put, sure, updateRows, withCode } from "./dom.js";
import { attempt, get, hear, look, onLook, page, Refused, send } from "./api.js";

const MOST = 50;
let kinds = [];
let named = null; // the kind that the address names
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
  const before = written(one.fields);
  const text = area(before, `Fields of ${one.id}`);
  const item = () => text.closest("li");
  text.addEventListener("input", () => { item().dirty = text.value !== before; });
  const remove = h("button", { type: "button", class: "danger", "data-sure": "Really remove?" }, "Remove");
  sure(remove, () => attempt(() => send("DELETE", place)).then(done));
  return h("details", null,
    h("summary", null, h("strong", null, title(one.fields)), " ", h("span", { class: "mono muted" }, `${one.id} · ${one.organisation}`)),
    h("form", {
      onsubmit: (event) => {
        event.preventDefault();
        const sent = text.value;
        attempt(() => {
          const fields = Object.fromEntries(Object.entries(read(sent)).filter(([name, value]) => written(value) !== written(one.fields[name])));
          return send("PATCH", place, { fields });
        }).then((answer) => {
          if (answer !== null && text.value === sent && item()) item().dirty = false;
          done(answer);
        });
      },
    }, text, h("div", { class: "buttons" }, h("button", null, "Save"), remove)));
}

// What a link is, and what happens to it: of a field with one id, and of one with several.
const EFFECTS = {
  detach: ["it becomes empty if that is removed", "one that is removed is taken out"],
  cascade: ["this is removed with it", "this is removed with each of them"],
  keep: ["it stays as it is if that is removed", "it stays as it is if one of them is removed"],
};
function inWords({ field, to, on_delete }) {
  const several = field.endsWith("s");
  return withCode(`\`${field}\` names ${several ? "" : "one of the "}${to.replaceAll("_", " ")}: ${EFFECTS[on_delete][Number(several)]}.`);
}

async function lookAtResources() {
  kinds = await get("resources");
  const select = $("#resource-kind");
  if (!select.options.length) {
    put(select, kinds.map((one) => h("option", { value: one.collection })));
    pick();
  }
  for (const [index, one] of kinds.entries()) { // options that stay the same do not disturb whoever is choosing one
    const text = `${one.collection.replaceAll("_", " ")} (${one.count})`;
    if (select.options[index].textContent !== text) select.options[index].textContent = text;
  }
  const kind = chosen();
  const q = $("#resource-search").value;
  const { data, total } = await page(`resources/${kind.collection}?${new URLSearchParams({ q, limit: MOST, order: "newest" })}`);
  if (chosen().collection !== kind.collection || $("#resource-search").value !== q) return; // by now, something else is asked for
  updateRows($("#resource-list"), data, (one) => one.id, entry);
  const about = $("#resource-about");
  about.textContent = total > data.length ? `The newest ${data.length} of ${total}.` : data.length ? "" : q ? "None matches the search." : "There are none.";
  about.hidden = !about.textContent;
  put($("#resource-links"), kind.links.map((link) => h("li", null, inWords(link))));
  $("#resource-links").hidden = !kind.links.length;
}

// Show the kind that the address names; the first one, if it names none.
function pick() {
  const select = $("#resource-kind");
  const value = kinds.some((one) => one.collection === named) ? named : (kinds[0]?.collection ?? "");
  if (select.value !== value) begin(value);
}

// Begin with another kind: nothing of the one before is left.
function begin(kind) {
  $("#resource-kind").value = kind;
  $("#resource-adding").open = false;
  $("#resource-new").value = "";
  put($("#resource-list"));
  look("resources");
}

// What the address says of the panel, written and read.
export function address(parts) {
  if (named) parts.set("kind", named);
  if ($("#resource-search").value) parts.set("entities", $("#resource-search").value);
}

export function follow(parts) {
  named = parts.get("kind");
  $("#resource-search").value = parts.get("entities") ?? "";
  pick();
  look("resources");
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

export async function startResources(onRefined) {
  $("#tab-resources").append(
    h("h2", null, "Resources"),
    h("div", { class: "fields" },
      h("label", null, "Which", h("select", { id: "resource-kind", onchange: (event) => { named = event.target.value; begin(named); onRefined(); } })),
      h("label", null, "Search", h("input", { id: "resource-search", type: "search", autocomplete: "off", spellcheck: "false", oninput: () => { look("resources"); onRefined(); } }))),
    h("ul", { class: "muted plain", id: "resource-links" }),
    h("p", { class: "muted", id: "resource-about" }),
    adding(),
    h("ul", { id: "resource-list", class: "list" }));
  for (const { name } of await get("resources")) {
    for (const what of ["added", "changed", "removed"]) hear(`${name.replaceAll(" ", "-")}-${what}`, "resources");
  }
  onLook("resources", lookAtResources);
}
