// Classes with their probabilities as bars; the numbers stand beside them.
import { el } from "./dom.js";
import { percent } from "./format.js";

/** An ordered list of predictions. classOf(label): a class for the row, for its colour. */
export function bars(predictions, classOf = () => undefined) {
  return el(
    "ol",
    { class: "bars" },
    predictions.map(({ label, probability }) =>
      el(
        "li",
        { class: classOf(label) },
        el("span", {}, label),
        el("span", { class: "value" }, percent(probability)),
        el("span", { class: "track" }, el("span", { class: "fill", style: { width: `${probability * 100}%` } })),
      ),
    ),
  );
}
