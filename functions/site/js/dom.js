// Elements without markup strings: text stays text, whatever a file name or an answer contains.

const SVG = "http://www.w3.org/2000/svg";

/** Find an element by its id. */
export const byId = (id) => document.getElementById(id);

function fill(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, to] of Object.entries(value)) node.style.setProperty(key, to);
    else if (name === "class") node.setAttribute("class", value);
    else if (name in node && !(node instanceof SVGElement)) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** An HTML element: el("p", {class: "hint"}, "text", child). `on...` properties are listeners. */
export const el = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);

/** A button that does something. */
export const button = (text, onclick, properties) => el("button", { type: "button", onclick, ...properties }, text);

/** Replace an element's children; as in el, what is null, undefined or false is left out. */
export function put(node, ...children) {
  node.replaceChildren();
  return fill(node, {}, children);
}

/** A select of [value, text] pairs. */
export const choices = (pairs, properties) => el("select", properties, pairs.map(([value, text]) => el("option", { value }, text)));

/** The same as el for SVG. */
export const svg = (tag, properties, ...children) => fill(document.createElementNS(SVG, tag), properties, children);

/** A copy of a template's content, and its data-part elements by name, each with the id `owner-name`. */
export function copyOf(id, owner) {
  const content = byId(id).content.cloneNode(true);
  const parts = {};
  for (const node of content.querySelectorAll("[data-part]")) {
    parts[node.dataset.part] = node;
    node.id = `${owner}-${node.dataset.part}`;
  }
  return { content, parts };
}
