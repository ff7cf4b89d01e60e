// The form of one object: fields, their ranges, and what is wrong with them.
import { byId, el } from "../dom.js";
import { BANDS } from "./columns.js";

const RANGES = { magnitude: [5, 35], redshift: [-0.05, 12] }; // skysort.star.columns.RANGES
const ABOUT = { u: "ultraviolet", g: "green", r: "red", i: "near infrared", z: "infrared" };

/** Make the fields: five bands and the redshift. */
export function makeFields() {
  const field = (name, unit, about) =>
    el("label", {}, el("span", {}, name, el("span", { class: "unseen" }, `, ${about}`), el("span", { class: "unit" }, unit)),
      el("input", { id: `star-${name}`, name, inputMode: "decimal", autocomplete: "off", "aria-describedby": name === "redshift" ? "hint-redshift" : undefined }));
  byId("star-fields").append(...BANDS.map((band) => field(band, "mag", ABOUT[band])), field("redshift", "", "without unit"));
}

function read(input, [low, high], needed) {
  // A decimal comma is what half of the world writes.
  const text = input.value.trim().replace(",", ".");
  if (text === "") return needed ? { wrong: `${input.name} is missing: give a number from ${low} to ${high}` } : {};
  const value = Number(text);
  if (!Number.isFinite(value)) return { wrong: `${input.name} is no number: ${text}` };
  if (value < low || value > high) return { wrong: `${input.name} must be from ${low} to ${high}` };
  return { value };
}

function mark(input, wrong) {
  if (wrong) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

function say(sentences) {
  const box = byId("error-star");
  box.hidden = sentences.length === 0;
  box.textContent = sentences.join("; ");
}

/** The values of the form, or null after telling what is wrong and going to the first such field. */
export function readForm() {
  const values = {};
  const wrong = [];
  let first = null;
  for (const name of [...BANDS, "redshift"]) {
    const input = byId(`star-${name}`);
    const isBand = name !== "redshift";
    const found = read(input, isBand ? RANGES.magnitude : RANGES.redshift, isBand);
    mark(input, found.wrong);
    if (found.wrong) {
      wrong.push(found.wrong);
      first ??= input;
    } else if (found.value !== undefined) values[name] = found.value;
  }
  say(wrong);
  first?.focus();
  return first ? null : values;
}

/** Put an object into the form. */
export function fillForm(values) {
  for (const name of [...BANDS, "redshift"]) {
    byId(`star-${name}`).value = values[name] ?? "";
    mark(byId(`star-${name}`), false);
  }
  say([]);
}
