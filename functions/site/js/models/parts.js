// A model's card as the parts that the page shows: one a booster or a test set.
import { words } from "../format.js";

const interval = (name, score) => (score ? { name, ...score } : null);
const plain = (name, value) => (value === undefined ? null : { name, value });

function scoresOf(metrics) {
  const conformal = metrics.conformal;
  const coverage = metrics.conformal_coverage ?? plain("", conformal?.coverage);
  return [
    interval("Accuracy", metrics.accuracy ?? metrics.top_1),
    interval("Right among the best five", metrics.top_5),
    interval("Balanced accuracy", metrics.balanced_accuracy),
    interval("Macro F1", metrics.macro_f1),
    plain("Calibration error (ECE)", metrics.ece_after ?? metrics.ece),
    coverage && { ...coverage, name: "Truth is in the set" },
    plain("Labels in a set, on average", conformal?.mean_set_size ?? metrics.mean_set_size),
  ].filter(Boolean);
}

function confusionOf(metrics, labels) {
  if (metrics.confusion) return metrics.confusion;
  return metrics.confusion_matrix ? { rows: labels, columns: labels, counts: metrics.confusion_matrix } : null;
}

const part = (name, metrics, labels, latency) => ({
  name,
  rows: metrics.rows,
  scores: scoresOf(metrics),
  confusion: confusionOf(metrics, labels),
  reliability: metrics.reliability ?? null,
  classes: metrics.per_class ?? null,
  latency,
});

const LATENCY = {
  star: (measured) => `${measured.one_row_ms} ms for one row, ${measured.rows_per_second.toLocaleString("en-GB")} rows a second; one thread`,
  galaxy: ({ one_thread: time }) => `${time.p50} ms for one picture (least ${time.least} ms); one thread`,
  image: ({ one }) => `${one.p50} ms for one picture (least ${one.least} ms); one thread`,
};

/** Parts of a card: [{name, rows, scores, confusion, reliability, classes, latency}]. */
export function partsOf(card) {
  const { labels, latency } = card;
  if (card.variants) {
    return Object.entries(card.variants).map(([name, { metrics }]) => part(words(name), metrics, labels, LATENCY.star(latency[name])));
  }
  if (card.metrics.exported_file) {
    const sets = Object.entries(card.metrics.exported_file);
    return sets.map(([name, metrics]) => part(words(name), metrics, labels, LATENCY.image(latency)));
  }
  return [part("Test part", card.metrics, labels, LATENCY.galaxy(latency))];
}

/** What a card says of its training data, in sentences. */
export function trainingOf({ training_data: told }) {
  const sentences = [];
  const rows = (splits) =>
    Object.entries(splits).map(([name, split]) => `${split.rows.toLocaleString("en-GB")} ${name.replaceAll("_", " ")}`).join(", ");
  if (told.source) sentences.push(`${told.source}.`);
  if (told.tables) sentences.push(`Tables: ${Object.keys(told.tables).map(words).join(", ")}.`);
  if (told.splits) sentences.push(`Parts: ${rows(told.splits)}.`);
  if (told.origin) sentences.push(`${told.origin.weights}.`);
  if (told.origin_of_weights) sentences.push(told.origin_of_weights);
  if (told.change) sentences.push(`${words(told.change)}.`);
  if (told.held_out) sentences.push(`Held out: ${told.held_out}.`);
  return sentences.join(" ");
}
