// The view Models: the cards made readable.
import { Refusal, call } from "../api.js";
import { byId, el } from "../dom.js";
import { bytes, count, percent, words } from "../format.js";
import { problemBox } from "../notice.js";
import { confusionTable } from "./confusion.js";
import { partsOf, trainingOf } from "./parts.js";
import { reliabilityPlot } from "./reliability.js";

const TITLES = { galaxy: "Galaxy", image: "Photograph", star: "Star" };
const ORDER = ["galaxy", "image", "star"];
const FEW_LABELS = 20;

const isShare = (name) => !/ECE|average/.test(name);
const shown = (name, value) => (isShare(name) ? percent(value) : value.toFixed(value < 0.1 ? 3 : 2));

function score({ name, value, low, high }) {
  const range = low === undefined ? null : el("span", { class: "range" }, `${shown(name, low).replace(" %", "")} to ${shown(name, high)} (95 %)`);
  return el("div", {}, el("dt", {}, name), el("dd", {}, shown(name, value), range));
}

function classTable(classes, of) {
  const head = ["Class", "Precision", "Recall", "F1", "Inputs"].map((name, place) => el("th", { scope: "col", class: place ? "n" : undefined }, name));
  const rows = Object.entries(classes).map(([name, { precision, recall, f1, rows: number }]) =>
    el("tr", {}, el("th", { scope: "row" }, name), [precision, recall, f1].map((value) => el("td", { class: "n" }, percent(value))), el("td", { class: "n" }, count(number))));
  const table = el("table", {}, el("thead", {}, el("tr", {}, head)), el("tbody", {}, rows));
  return el("details", {}, el("summary", {}, "Each class"), el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": `Scores of each class: ${of}` }, table));
}

function figuresOf(part, of) {
  const { rows, scores, confusion, reliability, classes, latency } = part;
  return [
    el("p", { class: "hint" }, `Measured on ${count(rows)} inputs that were held out. Latency of the model alone: ${latency}.`),
    el("dl", { class: "scores" }, scores.map(score)),
    el("div", { class: "figures" }, reliability && reliabilityPlot(reliability), confusion && confusionTable(confusion, of)),
    !confusion && el("p", { class: "hint" }, "A confusion matrix of so many classes cannot be read; Imagenette's ten classes have one."),
    classes && classTable(classes, of),
  ].filter(Boolean);
}

/** One part at a time, where there are several, chosen by buttons. */
function partsPanel(parts, of) {
  const holder = el("div", {}, figuresOf(parts[0], of));
  if (parts.length === 1) return [holder];
  const buttons = parts.map((part, place) =>
    el("button", { type: "button", "aria-pressed": String(place === 0), onclick: () => show(place) }, part.name));
  const show = (place) => {
    buttons.forEach((button, other) => button.setAttribute("aria-pressed", String(other === place)));
    holder.replaceChildren(...figuresOf(parts[place], of));
  };
  return [el("div", { class: "tabs", role: "group", "aria-label": "Measured on" }, buttons), holder];
}

function linked(text) {
  return text.split(/(https?:\/\/[^\s)]+)/).map((piece, place) => (place % 2 ? el("a", { href: piece, rel: "noreferrer" }, piece) : piece));
}

function labelsOf(card) {
  if (card.classes) return el("dl", { class: "facts" }, Object.entries(card.classes).map(([name, meaning]) => [el("dt", {}, name), el("dd", {}, meaning)]));
  if (card.labels.length <= FEW_LABELS) return card.labels.join(", ");
  return el("details", {}, el("summary", {}, `All ${count(card.labels.length)}`), el("p", { class: "hint" }, card.labels.join(", ")));
}

function facts(card) {
  const files = card.variants ? Object.values(card.variants) : [card];
  const listed = {
    Version: card.version,
    Architecture: card.architecture,
    Classes: labelsOf(card),
    "Training data": linked(trainingOf(card)),
    Licence: linked(card.licence),
    Attribution: linked(card.attribution),
    File: files.map(({ file, bytes: size, sha256 }) => el("p", {}, `${file}, ${bytes(size)}, SHA-256 `, el("code", {}, sha256))),
    "Made with": el("code", {}, card.command),
  };
  return el("dl", { class: "facts" }, Object.entries(listed).map(([name, told]) => [el("dt", {}, words(name)), el("dd", {}, told)]));
}

function panel(card) {
  const id = `model-${card.name}`;
  return el(
    "article",
    { class: "panel model", id, "aria-labelledby": `${id}-title` },
    el("div", { class: "model-head" }, el("h2", { id: `${id}-title` }, TITLES[card.name] ?? words(card.name)), el("p", { class: "hint" }, `version ${card.version}`)),
    el("p", { class: "about" }, card.intended_use),
    partsPanel(partsOf(card), TITLES[card.name] ?? card.name),
    el("h3", {}, "Where not to trust it"),
    el("ul", { class: "limits" }, card.limitations.map((limit) => el("li", {}, limit))),
    el("h3", {}, "What it is"),
    facts(card),
    el("p", {}, el("a", { href: `/v1/models/${card.name}` }, "The whole card as JSON")),
  );
}

class Models {
  constructor() {
    this.list = byId("models-list");
    this.load();
  }

  /** Called whenever the view is shown: a load that failed is tried again. */
  shown() {
    if (this.failed) this.load();
  }

  async load() {
    this.failed = false;
    this.list.replaceChildren(el("p", { class: "empty" }, "Fetching the cards…"));
    try {
      const { models } = await call("/v1/models");
      const known = models.map(({ name }) => name).sort((one, other) => ORDER.indexOf(one) - ORDER.indexOf(other));
      const cards = await Promise.all(known.map((name) => call(`/v1/models/${name}`)));
      this.list.replaceChildren(...cards.map(panel));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.failed = true;
      this.list.replaceChildren(problemBox(error, el("button", { type: "button", onclick: () => this.load() }, "Try again")));
    }
  }
}

/** Fill the section. */
export const start = () => new Models();
