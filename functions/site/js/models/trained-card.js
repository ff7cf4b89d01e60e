// The card of a version of a trained model: scores, figures, how it was fitted, what it was trained on.
import { el } from "../dom.js";
import { count, humanize, percent, plural } from "../format.js";
import { scrollTable } from "../widgets.js";
import { learningCurve } from "../train/curve.js";
import { partsOf, partsPanel } from "./card.js";

const NOUNS = { pictures: "pictures", star: "objects" };
const LISTED = 100;

/** A value of a card as text. */
function text(value) {
  if (Array.isArray(value)) return value.map(text).join(", ");
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(3)));
  if (value && typeof value === "object") return Object.entries(value).map(([name, inner]) => `${name.replaceAll("_", " ")} ${text(inner)}`).join(", ");
  return String(value);
}

const facts = (entries) =>
  el("dl", { class: "facts" }, entries.filter(([, fact]) => fact !== undefined && fact !== "").map(([name, fact]) => [el("dt", {}, name), el("dd", {}, fact)]));

/** Every candidate that the chooser tried, in a table of the fields that they have. */
function triedTable(tried, of) {
  if (!Array.isArray(tried) || tried.length === 0) return undefined;
  const fields = [...new Set(tried.flatMap((entry) => Object.keys(entry)))];
  const head = fields.map((name) => el("th", { scope: "col" }, humanize(name)));
  const rows = tried.map((entry) => el("tr", {}, fields.map((name) => el("td", {}, entry[name] === undefined ? "" : text(entry[name])))));
  return el("details", {}, el("summary", {}, `${plural(tried.length, "candidate")} compared`), scrollTable(`Candidates: ${of}`, head, rows));
}

function named(title, found) {
  const names = Array.isArray(found) ? found : found?.files ?? found?.names ?? [];
  const number = typeof found === "number" ? found : found?.count ?? names.length;
  if (!number) return undefined;
  const line = ({ file, name, reason, ...rest }) => [file ?? name, reason ?? text(rest)].filter(Boolean).join(": ");
  const listed = names.slice(0, LISTED).map((entry) => el("li", {}, typeof entry === "string" ? entry : Array.isArray(entry) ? entry.join(" = ") : line(entry)));
  return el("details", {}, el("summary", {}, `${title}: ${count(number)}`), el("ul", { class: "limits" }, listed));
}

/** The card's parts in their order. of: the model's name. */
export function trainedCard(card, kind, of) {
  const { learning_curve: curve, forecast, hyperparameters = {}, training_data: data = {}, limitations = [] } = card;
  const { tried, ...chosen } = hyperparameters;
  const classes = Object.entries(data.classes ?? {}).map(([label, number]) => `${label} ${count(number)}`);
  return [
    ...partsPanel(partsOf(card), of),
    el("div", { class: "figures" },
      curve?.length > 0 && learningCurve(curve, forecast, NOUNS[kind]),
      el("div", { class: "beside" },
        el("h3", {}, "How it was fitted"),
        facts([["Architecture", card.architecture], ...Object.entries(chosen).map(([name, value]) => [humanize(name), text(value)])]),
        triedTable(tried, of))),
    el("h3", {}, "Training data"),
    facts([["Examples", text(data.files ?? data.rows ?? "")], ["Classes", classes.join(", ")], ["SHA-256", data.sha256 && el("code", {}, data.sha256)]]),
    named("Duplicates", data.duplicates), named("Conflicting labels", data.conflicting), named("Unreadable", data.unreadable),
    limitations.length > 0 && [el("h3", {}, "Limitations"), el("ul", { class: "limits" }, limitations.map((limit) => el("li", {}, limit)))],
  ].flat().filter(Boolean);
}

/** How a version compares with the live one, in a sentence; empty without a comparison. */
export function comparisonSentence(comparison) {
  if (!comparison) return "";
  if (comparison.sentence) return comparison.sentence;
  const { difference, examples } = comparison;
  if (difference?.value === undefined) return text(comparison);
  const signed = (share) => `${share > 0 ? "+" : share < 0 ? "−" : ""}${Math.abs(share * 100).toFixed(1)}`;
  return `${signed(difference.value)} points against the live version, ${signed(difference.low)} to ${signed(difference.high)} (95 %)${examples ? `, on ${count(examples)} held-out examples` : ""}.`;
}

/** A share as it is shown, empty if there is none. */
export const accuracyOf = (accuracy) => {
  const value = typeof accuracy === "object" ? accuracy?.value : accuracy;
  return value === undefined || value === null ? "" : percent(value);
};
