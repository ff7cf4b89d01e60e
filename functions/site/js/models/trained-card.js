// The card of a version of a trained model: scores, figures, how it was fitted, what it was trained on.
import { button, el } from "../dom.js";
import { saveJson } from "../download.js";
import { count, humanize, percent, plural } from "../format.js";
import { typicalityPart } from "../typicality.js";
import { factList, refusedFiles, scrollTable } from "../widgets.js";
import { short } from "../trained.js";
import { learningCurve } from "../train/curve.js";
import { limitations, partsOf, partsPanel } from "./card.js";

const NOUNS = { pictures: "pictures", star: "objects" };
const LEFT_OUT = { duplicates: "given twice", conflicting: "in two classes", unreadable: "unreadable", outside: "in no class", refused: "left out" };

/** A value of a card as text. */
function text(value) {
  if (Array.isArray(value)) return value.map(text).join(", ");
  if (typeof value === "number") return Number.isInteger(value) ? count(value) : String(Number(value.toPrecision(3)));
  if (value && typeof value === "object") return Object.entries(value).map(([name, inner]) => `${name.replaceAll("_", " ")} ${text(inner)}`).join(", ");
  return String(value);
}

/** Every candidate that the chooser tried, in a table of the fields that they have. */
function triedTable(tried, of) {
  if (!Array.isArray(tried) || tried.length === 0) return undefined;
  const fields = [...new Set(tried.flatMap((entry) => Object.keys(entry)))];
  const rows = tried.map((entry) => el("tr", {}, fields.map((name) => el("td", {}, entry[name] === undefined ? "" : text(entry[name])))));
  return el("details", {}, el("summary", {}, `${plural(tried.length, "candidate")} compared`), scrollTable(`Candidates: ${of}`, fields.map(humanize), rows));
}

/** The points of the learning curve, with the whole training set as the last. */
function curveOf({ learning_curve: curve = [], metrics }, kind) {
  return kind === "pictures" ? [...curve, { examples: metrics.examples, accuracy: metrics.accuracy }] : curve;
}

/** What was chosen and what was compared: [facts, tables], a table for each booster of a star model. */
function fitting(card, of) {
  const { tried, ...chosen } = card.hyperparameters ?? {};
  const rows = [["Architecture", card.architecture]];
  const tables = [triedTable(tried, of)];
  for (const [name, value] of Object.entries(chosen)) {
    rows.push([humanize(name), text(value?.parameters ?? value)]);
    if (value?.tried) tables.push(triedTable(value.tried, `${of}, ${humanize(name)}`));
  }
  return [factList(rows), ...tables];
}

/** The card's parts in their order. of: the model's name. */
export function trainedCard(card, kind, of, version) {
  const { forecast, training_data: data = {} } = card;
  const curve = curveOf(card, kind);
  const classes = Object.entries(data.classes ?? {}).map(([label, number]) => `${label} ${count(number)}`);
  const listed = [["Examples", text(data.files ?? data.used ?? "")], ["Rows of the table", data.rows && count(data.rows)], ["Class column", data.class_column], ["Classes", classes.join(", ")],
    ["Drawn", data.drawn], ["Remarks", data.remarks?.join(" ")], ["SHA-256", data.sha256 && el("code", {}, data.sha256)]];
  return [
    partsPanel(partsOf(card), of),
    el("div", { class: "figures" }, curve.length > 0 && learningCurve(curve, forecast, NOUNS[kind]), el("div", { class: "beside" }, el("h3", {}, "How it was fitted"), fitting(card, of))),
    el("h3", {}, "Training data"),
    factList(listed),
    Object.entries(LEFT_OUT).map(([name, title]) => refusedFiles(data[name], title)),
    typicalityPart(card),
    limitations(card),
    el("p", { class: "row" }, button("Card as JSON", () => saveJson(`${of}-${short(version)}.json`, card))),
  ];
}

/** A share as it is shown, empty if there is none. */
export const accuracyOf = (accuracy) => {
  const value = typeof accuracy === "object" ? accuracy?.value : accuracy;
  return value === undefined || value === null ? "" : percent(value);
};
