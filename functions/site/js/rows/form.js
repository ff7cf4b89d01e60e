// The form of one object: a field per column, its range, and what is wrong with it.
import { el } from "../dom.js";

const DESCRIPTIONS = { u: "ultraviolet", g: "green", r: "red", i: "near infrared", z: "infrared", redshift: "dimensionless" };

function parse({ value: text, name }, { minimum, maximum, required }) {
  // A decimal comma is common in many countries.
  const number = text.trim().replace(",", ".");
  if (number === "") return required ? { error: `${name} is required: a number from ${minimum} to ${maximum}` } : {};
  const value = Number(number);
  if (!Number.isFinite(value)) return { error: `${name} must be a number (got '${text.trim()}')` };
  if (value < minimum || value > maximum) return { error: `${name} must be between ${minimum} and ${maximum}` };
  return { value };
}

function mark(input, error) {
  if (error) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** The fields of a model's columns. parts: {fields, hint, error}, elements; columns: [{name, unit, minimum, maximum, required}]. */
export class Form {
  constructor({ fields, hint, error }, model) {
    this.error = error;
    this.fields = model.columns.map((column) => {
      const { name, unit, required } = column;
      const properties = { id: `${model.name}-${name}`, name, inputMode: "decimal", autocomplete: "off" };
      const input = el("input", { ...properties, "aria-describedby": required ? undefined : hint.id });
      const description = DESCRIPTIONS[name] && el("span", { class: "visually-hidden" }, `, ${DESCRIPTIONS[name]}`);
      fields.append(el("label", {}, el("span", {}, name, description, el("span", { class: "unit" }, unit)), input));
      return { input, column };
    });
    const optional = model.columns.filter(({ required }) => !required).map(({ name }) => name);
    hint.hidden = optional.length === 0;
    hint.textContent = `Leave ${optional.join(", ")} empty if unknown.`;
  }

  /** The values of the form; null after saying what is wrong and focusing the first such field. */
  read() {
    const entries = this.fields.map(({ input, column }) => ({ input, name: column.name, ...parse(input, column) }));
    for (const { input, error } of entries) mark(input, error);
    const wrong = entries.filter(({ error }) => error);
    this.#report(wrong.map(({ error }) => error));
    wrong[0]?.input.focus();
    if (wrong.length > 0) return null;
    return Object.fromEntries(entries.filter(({ value }) => value !== undefined).map(({ name, value }) => [name, value]));
  }

  /** Put an object's values into the form. */
  fill(values) {
    for (const { input, column } of this.fields) {
      input.value = values[column.name] ?? "";
      mark(input);
    }
    this.#report([]);
  }

  #report(errors) {
    this.error.hidden = errors.length === 0;
    this.error.textContent = errors.join("; ");
  }
}
