// Making elements. Everything that comes from outside becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

function filled(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  return put(element, ...children);
}

// Replace an element's children; lists are spread, and null and false are left out.
export function put(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const h = (name, properties, ...children) => filled(document.createElement(name), properties, children);
// Text between backticks is code.
export const withCode = (text) => text.split("`").map((part, index) => (index % 2 ? h("code", null, part) : part));

export const svg = (name, properties, ...children) => filled(document.createElementNS(SVG, name), properties, children);

// Rows, or items of a list, that stay the same elements while their content changes, so that the focus, the selection and
// what is open survive every update. One that is `dirty`, because somebody has written into it, keeps its content, too.
export function updateRows(body, items, key, build) {
  const held = body.contains(document.activeElement) ? document.activeElement : null;
  const holder = held?.closest("[data-key]");
  const index = [...body.children].indexOf(holder);
  const among = held ? $$(held.localName, holder).indexOf(held) : -1;
  const present = new Map([...body.children].map((row) => [row.dataset.key, row]));
  let place = body.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    const shown = JSON.stringify(item);
    let row = present.get(name);
    present.delete(name);
    if (!row) {
      row = body.localName === "tbody" ? h("tr", { "data-key": name, tabindex: "-1" }) : h("li", { "data-key": name });
      row.shown = null;
    }
    if (row.shown !== shown && !row.dirty) {
      const open = $("details", row)?.open;
      put(row, build(item));
      if (open) $("details", row).open = true;
      if (row.localName === "tr") for (const button of $$("button", row)) button.tabIndex = -1;
      row.shown = shown;
    }
    if (row === place) place = place.nextElementSibling;
    else body.insertBefore(row, place);
  }
  for (const row of present.values()) row.remove();
  if (held === null || held === document.activeElement) return;
  const row = holder.isConnected ? holder : body.children[Math.min(index, body.children.length - 1)];
  // In place of a row that is gone its neighbor has the focus, and not its button, which a second Enter would press.
  const again = holder.isConnected ? $$(held.localName, row).at(among) : row && $("summary", row);
  (again ?? row)?.focus();
}

// The one row that Tab reaches; the arrow keys move on from it, and to its button and back.
export function reachable(body, selected) {
  const rows = [...body.children];
  const row = rows.find((each) => each.contains(document.activeElement)) ?? rows.find((each) => each.dataset.key === String(selected)) ?? rows[0];
  for (const each of rows) {
    each.tabIndex = each === row ? 0 : -1;
    each.setAttribute("aria-selected", String(each.dataset.key === String(selected)));
  }
}

export function arrows(body, choose) {
  body.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
    const row = event.target.closest("tr");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && event.target === row) choose(row.dataset.key, true);
    const within = { ArrowRight: $("button", row), ArrowLeft: row }[event.key];
    const next = step === 1 ? row.nextElementSibling : step === -1 ? row.previousElementSibling : null;
    if (!within && !next) return;
    event.preventDefault();
    (within ?? next).focus();
    if (next) choose(next.dataset.key, false);
  });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (row && !event.target.closest("button")) choose(row.dataset.key, true);
  });
}

export function note(text, kind = "error") {
  const close = h("button", { type: "button", class: "icon", "aria-label": "Close this message" }, "×");
  const one = h("div", { class: `note ${kind}` }, h("span", null, text), close);
  close.addEventListener("click", () => one.remove());
  $("#notes").append(one);
  while ($("#notes").children.length > 4) $("#notes").firstElementChild.remove();
  setTimeout(() => one.remove(), kind === "error" ? 12000 : 3000);
}

// Tell a screen reader what has changed, without taking the focus.
export const say = (text) => { $("#said").textContent = text; };

// Empty a form once the server has taken what stood in it, unless something else is written there by now.
export async function takeFrom(form, act) {
  const values = () => Object.fromEntries(new FormData(form));
  const sent = values();
  const answer = await act(sent);
  if (answer !== null && JSON.stringify(values()) === JSON.stringify(sent)) form.reset();
  return answer;
}

// A button that asks for confirmation before an action that cannot be undone.
export function sure(button, act) {
  const text = button.textContent;
  let reset;
  button.addEventListener("click", () => {
    if (button.classList.toggle("asking")) {
      button.textContent = button.dataset.sure;
      reset = setTimeout(() => { button.classList.remove("asking"); button.textContent = text; }, 4000);
    } else {
      clearTimeout(reset);
      button.textContent = text;
      act();
    }
  });
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "hidden", value: text });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return note("The browser did not let this page copy; select the text instead.");
  }
  note("Copied.", "done");
}
