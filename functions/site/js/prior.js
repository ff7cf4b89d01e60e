// The option `prior`: a field for the class shares of the visitor's survey.
import { el } from "./dom.js";
import { sentence } from "./format.js";
import { showFault } from "./widgets.js";

/** The estimated shares of a table as the field takes them, and the service: "GALAXY:0.9, QSO:0.1". */
export const sharesText = (shares) => Object.entries(shares).map(([label, { value }]) => `${label}:${Number(value.toPrecision(3))}`).join(", ");

/** The field, in a part of the form that is closed at first. onChange(): other shares were entered. */
export class Prior {
  constructor(owner, onChange) {
    const ids = { id: `${owner}-prior-error` };
    this.error = el("p", { class: "wrong", role: "alert", hidden: true, ...ids });
    this.input = el("input", { autocomplete: "off", spellcheck: false, placeholder: "class:0.9, other:0.1", "aria-describedby": ids.id });
    this.input.addEventListener("change", () => {
      this.#report("");
      onChange?.();
    });
    this.element = el("details", { class: "prior" }, el("summary", {}, "Class shares of your survey"),
      el("label", { class: "field" }, "Shares ", el("span", { class: "hint" }, "re-weight the probabilities; prediction sets stay. Empty: as in the training data."), this.input), this.error);
  }

  /** The option's value, empty for none. */
  get value() {
    return this.input.value.trim();
  }

  /** The same as an object {label: share}, which bulk jobs take; undefined for none. */
  get shares() {
    const pairs = this.value.split(",").map((pair) => pair.split(/:(?=[^:]*$)/));
    return this.value ? Object.fromEntries(pairs.map(([label, share]) => [label.trim(), Number(share)])) : undefined;
  }

  set value(text) {
    this.input.value = text;
    this.element.open = this.element.open || Boolean(text);
    this.#report("");
  }

  /** Ask for the shares of these classes from now on. */
  use(labels) {
    this.value = "";
    this.input.placeholder = labels.map((label) => `${label}:${Number((1 / labels.length).toPrecision(2))}`).join(", ");
  }

  /** Show what is wrong with the shares, if that is what an ApiError is about; whether it is. */
  refused({ fields = [] }) {
    const faults = fields.filter(({ field }) => /^prior\b/.test(field)).map(({ detail }) => sentence(detail));
    if (faults.length === 0) return false;
    this.element.open = true;
    this.#report(faults.join(" "));
    return true;
  }

  #report(fault) {
    showFault(this.input, this.error, fault);
  }
}
