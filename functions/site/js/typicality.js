// What answers say of themselves: whether an input is like the test data, and what the classes named are worth.
import { el } from "./dom.js";
import { humanize, interval, percent, sentence } from "./format.js";
import { bars, hint, scrollTable } from "./widgets.js";

/** The headline of an input that is outside the domain, and of one of which no class reaches its threshold. */
export const UNTYPICAL = "Unlike the test data";
export const UNSURE = "No confident answer";

/** Whether an answer, or a batch file's record, is outside the domain. Older services and models do not say. */
export const isUntypical = (answer) => answer?.in_domain === false;

// The sets hold nine of ten objects of each class: of a class that is told apart well, the tenth may be left out at a probability of 99 %.
const SURE = 0.9;

/** Whether an answer, or a batch file's record, names no class: none reaches its threshold, and the best is not sure or not tested either. */
export const isUnsure = (answer) => answer.prediction_set?.length === 0 && (isUntypical(answer) || answer.predictions[0].probability < SURE);

/** What an answer comes to in a few words: its class only where it was tested and is confident. */
export function headline(result) {
  if (isUntypical(result)) return UNTYPICAL;
  return isUnsure(result) ? UNSURE : result.predictions[0].label;
}

/** The word explained. */
export const TYPICALITY = "Typicality: the share of held-out inputs that look less like the training data than this one.";

const ADVICE = { picture: "check the picture, or judge it by eye", object: "check its values and their units" };

/** What the mark means and what to do. */
function meaning(typicality, noun) {
  const share = typicality > 0 ? `Only ${percent(typicality)}` : "None";
  return `${share} of the held-out ${noun}s look this unusual, so no score of the model holds for this answer: ${ADVICE[noun]}.`;
}

const note = (...words) => el("div", { class: "untypical", role: "note" }, el("b", {}, UNTYPICAL), words.map((text) => el("p", {}, text)));

/** The mark of an answer outside the domain; undefined for others. noun: "picture" or "object"; without one the mark alone. */
export function untypicalMark(answer, noun) {
  if (!isUntypical(answer)) return undefined;
  if (!noun) return el("span", { class: "untypical" }, UNTYPICAL);
  return note(meaning(answer.typicality, noun));
}

/**
 * The beginning of an answer: its class, the mark, and the classes that it leaves open. nameOf(label): how a class is called;
 * kind: a CSS class; restricted: chosen among some labels only, so that no coverage holds.
 */
export function verdict(result, noun, { nameOf = (label) => label, kind, restricted } = {}) {
  const [best] = result.predictions;
  const labels = result.prediction_set;
  const isSure = !isUnsure(result);
  const empty = isSure ? "90 % prediction set: empty, since most of this class get a higher probability" : "No class reaches its 90 % threshold; best guesses:";
  const set = labels.length === 0 ? empty : isUntypical(result) ? "Nearest classes, coverage untested: " : restricted ? "Best of the chosen labels: " : "90 % prediction set: ";
  return [
    el("p", { class: `verdict ${(isSure && kind) || ""}` }, el("span", { class: "tag" }, isSure ? nameOf(best.label) : UNSURE), isSure && el("span", { class: "chance" }, percent(best.probability))),
    untypicalMark(result, noun),
    el("p", { class: "set" }, set, el("b", {}, labels.join(", "))),
    result.prior && el("p", { class: "hint" }, "Probabilities at the class shares that you gave."),
  ];
}

/** What a table, an archive, a batch or a job is like as a whole; empty where nothing was measured. whole: {typicality, domain}, as in a summary. */
export function wholeVerdict(whole) {
  const { typicality, domain } = whole ?? {};
  const isUnlike = domain?.in_domain === false || typicality?.usual === false;
  const words = [
    typicality && sentence(typicality.detail),
    domain && `As a whole the table ${domain.in_domain ? "looks" : "does not look"} like the survey that the model learnt from.`,
    domain?.cause && `Likely cause: ${domain.cause.detail}.`,
  ].filter(Boolean);
  if (words.length === 0) return [];
  return isUnlike ? [note(words.join(" "))] : [el("p", { class: "hint" }, words.join(" "))];
}

/** The estimated class shares of a table as bars, with their intervals. shares: as in a summary; use: a button, if they can be used. */
export function sharesFigure(shares, classOf, use) {
  if (!shares) return undefined;
  const items = Object.entries(shares).map(([label, share]) => ({ ...share, label, probability: share.value }));
  const caption = el("figcaption", {}, el("b", {}, "Estimated class shares"), "With 95 % intervals, if the classes look as in the training data.");
  return el("figure", {}, caption, bars(items, { classOf, textOf: (item) => `${percent(item.value)} (${interval(item)})` }), use);
}

/** What was measured of marked inputs, at any depth of a card: [[names, {value, low, high}], ...]. */
function measurements(found, names = []) {
  if (!found || typeof found !== "object") return [];
  if ("low" in found) return [[names, found]];
  return Object.entries(found).flatMap(([name, inner]) => measurements(inner, ["metrics", "measured", "flagged"].includes(name) ? names : [...names, name.replace(/^flagged_/, "")]));
}

/** A card's part on typicality; empty where the model does not measure it. */
export function typicalityPart({ typicality }) {
  if (!typicality) return [];
  const rows = measurements(typicality).map(([names, share]) =>
    el("tr", {}, el("th", { scope: "row" }, humanize(names.join(", "))), el("td", { class: "n" }, percent(share.value)), el("td", { class: "n" }, interval(share))));
  return [
    el("h3", {}, "Typicality"),
    hint(TYPICALITY, ` Inputs below ${percent(typicality.threshold)} are marked as unlike the test data.`),
    rows.length > 0 && el("details", {}, el("summary", {}, "What is marked: good inputs and others"), scrollTable("Marked inputs", ["Inputs", "#Marked", "#95 % interval"], rows)),
  ].filter(Boolean);
}
