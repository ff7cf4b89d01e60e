// Among which classes a photograph is sorted: all, a kind of animal, or the visitor's own list.
import { el } from "../dom.js";

const CHOICES = [
  ["", "All 1,000 classes"],
  ["dogs", "Dogs: 118 breeds"],
  ["cats", "Cats: 5 kinds"],
  ["birds", "Birds: 59 kinds"],
];
const OWN = "own";

/** The choice as a control. onChange(labels): an empty string for all. */
export function labelChoice(onChange) {
  const own = el("input", { type: "text", placeholder: "tabby, tiger, n02127052", "aria-label": "Labels, separated by commas", hidden: true, spellcheck: false });
  const options = [...CHOICES, [OWN, "My own list"]].map(([value, words]) => el("option", { value }, words));
  const select = el("select", {}, options);
  select.addEventListener("change", () => {
    own.hidden = select.value !== OWN;
    if (select.value !== OWN) onChange(select.value);
    else own.focus();
  });
  own.addEventListener("change", () => onChange(own.value.trim()));
  return [el("label", {}, "Sort among", select), own];
}
