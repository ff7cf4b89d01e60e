// A table of answers in pages, sorted by any column; each row opens its explanation.
import { button, el, put } from "../dom.js";
import { saveCsv, saveJson, stamped } from "../download.js";
import { count, percent, plural } from "../format.js";
import { TYPICALITY, UNSURE, isUnsure, isUntypical, untypicalMark } from "../typicality.js";
import { announce, hint, scrollTable } from "../widgets.js";
import { classOf } from "./figures.js";
import { valuesOf } from "./read.js";

const PAGE = 50;
const COLUMNS = [
  ["Row", (entry) => entry.number],
  ["Name", (entry) => entry.result?.id ?? ""],
  ["Class", (entry) => entry.result?.predictions?.[0].label ?? "~"],
  ["Probability", (entry) => entry.result?.predictions?.[0].probability ?? -1],
  ["90 % set", (entry) => entry.result?.prediction_set?.length ?? 9],
  ["Typicality", (entry) => entry.result?.typicality ?? 2],
];

/** The table of rows that are being classified. model: its entry in GET /v1/models; onOpen(entry): show one row. */
export class ResultTable {
  constructor(panel, model, { header, rows }, onOpen) {
    this.panel = panel;
    this.model = model;
    this.header = header;
    this.entries = rows.map((row, index) => ({ number: index + 1, row, values: valuesOf(header, row, model.columns), result: null }));
    this.order = this.entries;
    this.sorted = { column: 0, descending: false };
    this.page = 0;
    this.onOpen = onOpen;
    this.open = null;
    panel.hidden = false;
    this.draw();
  }

  /** Fill in the results of consecutive rows from `start` on. model: {name, version}. */
  put(start, results, model) {
    results.forEach((result, index) => {
      this.entries[start + index].result = result;
    });
    this.version = model.version;
    const done = this.entries.filter(({ result }) => result).length;
    announce(`${done} of ${plural(this.entries.length, "row")} classified`);
    this.draw();
  }

  /** The objects with the values that the diagram needs. */
  objects() {
    const isWhole = ({ result, values }) => result?.predictions && [values.u, values.g, values.r].every(Number.isFinite);
    return this.entries.filter(isWhole).map(({ values, result }) => ({ values, label: result.predictions[0].label }));
  }

  #sort(column) {
    const descending = this.sorted.column === column && !this.sorted.descending;
    this.sorted = { column, descending };
    const key = COLUMNS[column][1];
    const compare = (a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : a.number - b.number);
    this.order = this.entries.toSorted((a, b) => (descending ? -compare(a, b) : compare(a, b)));
    this.page = 0;
    this.draw();
    this.panel.querySelectorAll("th button")[column].focus();
  }

  draw() {
    const counts = new Map();
    const untypical = this.entries.filter(({ result }) => isUntypical(result)).length;
    let failed = 0;
    for (const { result } of this.entries) {
      if (result?.error) failed += 1;
      else if (result) counts.set(result.predictions[0].label, (counts.get(result.predictions[0].label) ?? 0) + 1);
    }
    const done = failed + [...counts.values()].reduce((sum, number) => sum + number, 0);
    const summary = [...counts].sort().map(([label, number]) => el("span", { class: `tag ${classOf(label)}` }, `${count(number)} ${label} `));
    const head = el(
      "div",
      { class: "table-head" },
      el("div", {}, el("h2", {}, plural(this.entries.length, "row")), el("p", {}, summary, failed > 0 && `${count(failed)} rejected `, untypical > 0 && `${count(untypical)} unlike the test data`)),
      el("div", { class: "row" },
        button("CSV", () => this.#csv()), button("JSON", () => this.#json())),
    );
    const isMeasured = this.entries.some(({ result }) => result?.typicality !== undefined);
    const progress = done < this.entries.length && el("progress", { max: this.entries.length, value: done, "aria-label": "Rows classified" });
    put(this.panel, head, progress, this.#table(), this.#pages(), isMeasured && hint(TYPICALITY));
  }

  #table() {
    const { column, descending } = this.sorted;
    const heads = COLUMNS.map(([name], index) => {
      const sort = index === column ? (descending ? "descending" : "ascending") : undefined;
      const arrow = index === column ? (descending ? " ↓" : " ↑") : "";
      return el("th", { scope: "col", "aria-sort": sort, class: index === 3 || index === 5 ? "n" : undefined },
        button(name + arrow, () => this.#sort(index)));
    });
    const shown = this.order.slice(this.page * PAGE, (this.page + 1) * PAGE);
    return scrollTable("Rows", heads, shown.map((entry) => this.#row(entry)));
  }

  #row(entry) {
    const { number, result } = entry;
    const name = result?.id && result.id !== String(number - 1) ? result.id : `row ${number}`;
    const open = button(name, () => this.#show(entry));
    const cells = (...rest) => [el("td", { class: "n" }, String(number)), el("td", {}, result?.predictions ? open : name), ...rest];
    if (!result) return el("tr", {}, cells(el("td", { colSpan: 4, class: "hint" }, "waiting")));
    if (result.error) return el("tr", {}, cells(el("td", { colSpan: 4, class: "wide wrong" }, result.error.detail)));
    const [best] = result.predictions;
    return el("tr", { class: entry === this.open ? "is-open" : undefined },
      cells(
        el("td", {}, el("span", { class: `tag ${classOf(best.label)}` }, best.label), " ", isUntypical(result) && el("span", { class: "untypical", "aria-hidden": "true" })),
        el("td", { class: "n" }, percent(best.probability)),
        el("td", {}, result.prediction_set.join(", ") || (isUnsure(result) ? UNSURE : "empty")),
        el("td", { class: "n" }, untypicalMark(result) ?? (result.typicality === undefined ? "" : percent(result.typicality))),
      ));
  }

  #show(entry) {
    this.open = entry;
    this.draw();
    this.onOpen(entry);
  }

  #pages() {
    const last = Math.ceil(this.entries.length / PAGE) - 1;
    if (last < 1) return null;
    const turn = (by, text) => button(text, () => this.#turn(by, text), { disabled: this.page + by < 0 || this.page + by > last });
    return el("nav", { class: "pages", "aria-label": "Pages of the table" }, turn(-1, "Previous"), `${this.page + 1} of ${last + 1}`, turn(1, "Next"));
  }

  #turn(by, text) {
    this.page += by;
    this.draw();
    const [previous, next] = this.panel.querySelectorAll(".pages button");
    const same = text === "Next" ? next : previous;
    (same.disabled ? (same === next ? previous : next) : same).focus();
  }

  #csv() {
    const { name, labels } = this.model;
    const added = ["class", ...labels.map((label) => `p_${label.toLowerCase()}`), "typicality", "set", "model", "error"];
    const rows = this.entries.map(({ row, result }) => {
      const probability = (label) => result?.predictions?.find((prediction) => prediction.label === label)?.probability;
      const version = result?.predictions ? `${name} ${this.version}` : "";
      const answer = [result?.predictions?.[0].label, ...labels.map(probability), result?.typicality, result?.prediction_set?.join(";"), version, result?.error?.detail];
      return [...this.header.map((_, index) => row[index] ?? ""), ...answer];
    });
    saveCsv(`${stamped(name)}.csv`, [[...this.header, ...added.map((column) => `skysort_${column}`)], ...rows]);
  }

  #json() {
    const { name } = this.model;
    saveJson(`${stamped(name)}.json`, { model: { name, version: this.version }, results: this.entries.map(({ result }) => result) });
  }
}
