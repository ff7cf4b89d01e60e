// A model card, readable: scores, figures, training data, limits.
import { at } from "../api.js";
import { button, el } from "../dom.js";
import { bytes, count, humanize, interval, percent } from "../format.js";
import { typicalityPart } from "../typicality.js";
import { factList, hint, scrollTable } from "../widgets.js";
import { confusionTable, reliabilityDiagram } from "./figures.js";

const FEW_LABELS = 20;

/** A score of a card, which may be a bare number: one without an interval. */
const asScore = (name, value) => (typeof value === "number" ? { name, value } : value && { ...value, name });

function scoresOf({ conformal, ...metrics }) {
  return [
    asScore("Accuracy", metrics.accuracy ?? metrics.top_1),
    asScore("Top-5 accuracy", metrics.top_5),
    asScore("Balanced accuracy", metrics.balanced_accuracy),
    asScore("Macro F1", metrics.macro_f1),
    asScore("Calibration error (ECE)", metrics.ece_after ?? metrics.ece),
    asScore("Coverage of the prediction set", metrics.conformal_coverage ?? metrics.coverage ?? conformal?.coverage),
    asScore("Mean size of the prediction set", conformal?.mean_set_size ?? metrics.mean_set_size ?? metrics.coverage?.mean_set_size ?? metrics.set_size),
    asScore("Inputs without a confident answer", conformal?.empty ?? metrics.empty_sets ?? metrics.empty),
  ].filter(Boolean);
}

/** The median latency of the model alone, in words; undefined if the card has none. */
function latencyOf({ one_row_ms: row, rows_per_second: rate, one_thread: thread, one } = {}) {
  if (row !== undefined) return `${row} ms for one row, ${rate.toLocaleString("en-GB")} rows/s, one thread`;
  const picture = thread ?? one;
  return picture && `${picture.p50} ms per picture (minimum ${picture.least} ms), one thread`;
}

const part = (name, metrics, labels, latency) => ({
  name,
  rows: metrics.rows ?? metrics.examples,
  scores: scoresOf(metrics),
  confusion: metrics.confusion ?? (metrics.confusion_matrix && { rows: labels, columns: labels, counts: metrics.confusion_matrix }),
  reliability: metrics.reliability,
  classes: metrics.per_class,
  coverage: (metrics.conformal ?? metrics).coverage_by_class,
  latency: latencyOf(latency ?? undefined),
});

/** A card as the parts that are shown, one per variant or test set: [{name, rows, scores, confusion, reliability, classes, coverage, latency}]. */
export function partsOf({ variants, metrics, labels, latency }) {
  if (variants) return Object.entries(variants).map(([name, variant]) => part(humanize(name), variant.metrics, labels, latency?.[name]));
  const { imagenet_validation: validation, exported_file: sets = { test_set: metrics } } = metrics;
  return Object.entries(validation ? { ...sets, imagenet_validation: validation } : sets).map(([name, measured]) => part(humanize(name), measured, labels, latency));
}

/** The card's training data in sentences. */
function trainingOf({ training_data: data }) {
  const splits = Object.entries(data.splits ?? {}).map(([name, { rows }]) => `${rows.toLocaleString("en-GB")} ${name.replaceAll("_", " ")}`);
  return [
    data.source && `${data.source}.`,
    data.tables && `Tables: ${Object.keys(data.tables).map(humanize).join(", ")}.`,
    data.splits && `Splits: ${splits.join(", ")}.`,
    data.origin && `${data.origin.weights}.`,
    data.origin_of_weights,
    data.change && `${humanize(data.change)}.`,
    data.held_out && `Held out: ${data.held_out}.`,
  ].filter(Boolean).join(" ");
}

const isShare = (name) => !/ECE|size/.test(name);
const shown = (name, value) => (isShare(name) ? percent(value) : value.toFixed(value < 0.1 ? 3 : 2));

function score({ name, value, low, high }) {
  const range = low !== undefined && el("span", { class: "range" }, `${isShare(name) ? interval({ low, high }) : `${shown(name, low)} to ${shown(name, high)}`} (95 %)`);
  return el("div", {}, el("dt", {}, name), el("dd", {}, shown(name, value), range));
}

function classTable(classes, coverage, of) {
  const covered = (name) => (coverage[name]?.low === undefined ? "" : `${percent(coverage[name].value)} (${interval(coverage[name])})`);
  const rows = Object.entries(classes).map(([name, { precision, recall, f1, rows: number }]) =>
    el("tr", {}, el("th", { scope: "row" }, name), [precision, recall, f1].map((value) => el("td", { class: "n" }, percent(value))), coverage && el("td", { class: "n" }, covered(name)), el("td", { class: "n" }, count(number))));
  return el("details", {}, el("summary", {}, "Scores by class"), scrollTable(`Scores by class: ${of}`, ["Class", "#Precision", "#Recall", "#F1", ...(coverage ? ["#In its 90 % set"] : []), "#Inputs"], rows));
}

function figuresOf(part, of) {
  const { rows, scores, confusion, reliability, classes, coverage, latency } = part;
  return [
    hint(`Measured on ${count(rows)} held-out inputs.${latency ? ` Latency of the model alone: ${latency}.` : ""}`),
    el("dl", { class: "scores" }, scores.map(score)),
    el("div", { class: "figures" }, reliability && reliabilityDiagram(reliability), confusion && confusionTable(confusion, of)),
    !confusion && hint("There are too many classes here for a readable confusion matrix."),
    classes && classTable(classes, coverage, of),
  ].filter(Boolean);
}

/** One part at a time, chosen by buttons if there are more. */
export function partsPanel(parts, of) {
  const holder = el("div", {}, figuresOf(parts[0], of));
  if (parts.length === 1) return [holder];
  const buttons = parts.map((part, index) => button(part.name, () => show(part), { "aria-pressed": String(index === 0) }));
  const show = (shown) => {
    parts.forEach((part, index) => buttons[index].setAttribute("aria-pressed", String(part === shown)));
    holder.replaceChildren(...figuresOf(shown, of));
  };
  return [el("div", { class: "tabs", role: "group", "aria-label": "Measured on" }, buttons), holder];
}

function linked(text) {
  return text.split(/(https?:\/\/[^\s)]+)/).map((piece, index) => (index % 2 ? el("a", { href: piece, rel: "noreferrer" }, piece) : piece));
}

function labelsOf(card) {
  if (card.classes) return factList(Object.entries(card.classes));
  if (card.labels.length <= FEW_LABELS) return card.labels.join(", ");
  return el("details", {}, el("summary", {}, `All ${count(card.labels.length)}`), hint(card.labels.join(", ")));
}

function facts(card) {
  const files = card.variants ? Object.values(card.variants) : [card];
  return factList(Object.entries({
    Version: card.version,
    Architecture: card.architecture,
    Classes: labelsOf(card),
    "Training data": linked(trainingOf(card)),
    Licence: linked(card.licence),
    Attribution: linked(card.attribution),
    File: files.map(({ file, bytes: size, sha256 }) => el("p", {}, `${file}, ${bytes(size)}, SHA-256 `, el("code", {}, sha256))),
    "Training command": el("code", {}, card.command),
  }));
}

/** The card's limitations. */
export const limitations = ({ limitations: limits = [] }) =>
  limits.length > 0 && [el("h3", {}, "Limitations"), el("ul", { class: "limits" }, limits.map((limit) => el("li", {}, limit)))];

/** The panel of a built-in model. */
export function panel(card, { title }) {
  const id = `model-${card.name}`;
  return el(
    "article",
    { class: "panel model", id, "aria-labelledby": `${id}-title` },
    el("div", { class: "model-head" }, el("h2", { id: `${id}-title` }, title), hint(`version ${card.version}`)),
    el("p", { class: "about" }, card.intended_use),
    partsPanel(partsOf(card), title),
    typicalityPart(card),
    card.validity && [el("h3", {}, "Range of validity"), factList(Object.entries(card.validity).map(([name, text]) => [humanize(name), text]))],
    limitations(card),
    el("h3", {}, "Details"),
    facts(card),
    el("p", {}, el("a", { href: at`/v1/models/${card.name}` }, "Model card as JSON")),
  );
}
