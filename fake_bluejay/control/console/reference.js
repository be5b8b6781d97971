// The reference: every operation of this server's two OpenAPI documents, with the schemas of bodies and answers.

import { $, $$, h, put, withCode } from "./dom.js";

const DOCUMENTS = [
  { url: "bluejay-openapi.json", title: "Bluejay's API, as far as it is modelled" },
  { url: "openapi.json", title: "The control API" },
];
const METHODS = ["get", "post", "put", "patch", "delete"];

const named = (schema) => schema?.$ref?.split("/").at(-1);

// A type in words: `list of integer`, `string or null`, the name of a shape.
function type(schema) {
  if (!schema || schema === true || !Object.keys(schema).length) return "anything";
  if (schema.$ref) return named(schema);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map(type).join(" or ");
  if (schema.allOf) return schema.allOf.map(type).join(" and ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" or ");
  if (schema.type === "array") return `list of ${type(schema.items)}`;
  if (schema.type === "object" && schema.additionalProperties) return `object of ${type(schema.additionalProperties)}`;
  return ([schema.type].flat().join(" or ") || "anything") + (schema.format ? ` (${schema.format})` : "");
}

const LIMITS = {
  minimum: "≥", exclusiveMinimum: ">", maximum: "≤", exclusiveMaximum: "<", minLength: "length ≥", maxLength: "length ≤", minItems: "items ≥",
};

function limits(schema) {
  const own = Object.entries(LIMITS).filter(([name]) => schema?.[name] !== undefined).map(([name, sign]) => `${sign} ${schema[name]}`);
  return [...own, ...(schema?.anyOf ?? []).map(limits).filter(Boolean)].join(", ");
}

// Return the schema and every schema that it refers to, each once.
function shapes(schema, all, found = new Map()) {
  const name = named(schema);
  if (name && !found.has(name)) {
    found.set(name, all[name]);
    shapes(all[name], all, found);
  } else if (!name && schema && typeof schema === "object") {
    for (const part of Object.values(schema)) shapes(part, all, found);
  }
  return found;
}

const row = (name, required, schema, description) => h("tr", null,
  h("td", null, h("code", null, name), required ? h("span", { class: "required", title: "required" }, " *") : null),
  h("td", null, type(schema), limits(schema) ? h("span", { class: "muted" }, ` ${limits(schema)}`) : null),
  h("td", { class: "muted" }, schema?.default !== undefined ? `default ${JSON.stringify(schema.default)}` : "", description ? [" ", ...withCode(description)] : ""));

function shape([name, schema]) {
  const fields = Object.entries(schema?.properties ?? {});
  return h("section", { class: "shape" },
    h("h4", null, name), schema?.description ? h("p", { class: "muted" }, withCode(schema.description)) : null,
    fields.length
      ? h("div", { class: "scroll" }, h("table", null, h("tbody", null, fields.map(([field, one]) => row(field, schema.required?.includes(field), one, one.description)))))
      : h("p", null, type(schema)));
}

function speaks(title, schema, all) {
  if (!schema) return null;
  return h("div", null, h("h3", null, title, " ", h("code", null, type(schema))), [...shapes(schema, all)].map(shape));
}

const json = (part) => part?.content?.["application/json"]?.schema;

function details(operation, all) {
  const parameters = operation.parameters ?? [];
  return [
    operation.description ? h("p", null, withCode(operation.description)) : null,
    parameters.length ? h("div", null, h("h3", null, "Parameters"), h("div", { class: "scroll" }, h("table", null, h("tbody", null, parameters.map((one) => row(`${one.in} ${one.name}`, one.required, one.schema, one.description)))))) : null,
    speaks("Takes", json(operation.requestBody), all),
    Object.entries(operation.responses).filter(([, answer]) => json(answer)).map(([status, answer]) => speaks(`Answers ${status}`, json(answer), all)),
  ];
}

// The content of an operation is made when it is opened, because there are many.
function listed(path, method, operation, all) {
  const inside = h("div", { class: "inside" });
  const one = h("details", { id: `${method} ${path}`, ontoggle: () => { if (one.open && !inside.children.length) put(inside, details(operation, all)); } },
    h("summary", null, h("span", { class: `method ${method}` }, method.toUpperCase()), h("code", null, path), h("span", { class: "muted" }, withCode(operation.description?.split(". ")[0] ?? operation.summary))),
    inside);
  const schemas = [json(operation.requestBody), ...Object.values(operation.responses).map(json)];
  const fields = schemas.flatMap((schema) => [...shapes(schema, all)]).flatMap(([name, each]) => [name, ...Object.keys(each?.properties ?? {})]);
  one.words = [method, path, operation.summary, operation.description, ...fields].join(" ").toLowerCase();
  return one;
}

async function section({ url, title }) {
  const answer = await fetch(url);
  if (!answer.ok) return h("section", { class: "panel" }, h("h2", null, title), h("p", { class: "problem" }, `${url} answered ${answer.status}.`));
  const { paths, components } = await answer.json();
  const all = components?.schemas ?? {};
  const operations = Object.entries(paths).flatMap(([path, methods]) => METHODS.filter((method) => methods[method]).map((method) => listed(path, method, methods[method], all)));
  return h("section", { class: "panel" }, h("h2", null, title, " ", h("span", { class: "muted" }, String(operations.length))), operations);
}

function search() {
  const words = $("#search").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const one of $$("details")) one.hidden = !words.every((word) => one.words.includes(word));
}

try { if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme"); } catch { /* the system's theme */ }
$("#search").addEventListener("input", search);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== $("#search")) {
    event.preventDefault();
    $("#search").focus();
  }
});
put($("#operations"), await Promise.all(DOCUMENTS.map(section)));
