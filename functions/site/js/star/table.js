// Many rows: a table of answers in pages, sorted by any column, each row open to its explanation.
import { el } from "../dom.js";
import { saveCsv, saveJson, stamped } from "../download.js";
import { count, percent, several } from "../format.js";
import { announce } from "../notice.js";
import { BANDS, valuesOf } from "./columns.js";
import { classOf } from "./diagram.js";

const PAGE = 50;
const COLUMNS = [
  ["Row", (entry) => entry.number],
  ["Name", (entry) => entry.result?.id ?? ""],
  ["Class", (entry) => entry.result?.predictions?.[0].label ?? "~"],
  ["Probability", (entry) => entry.result?.predictions?.[0].probability ?? -1],
  ["Set of 90 %", (entry) => entry.result?.prediction_set?.length ?? 9],
];

/** A table of rows that are being classified. onOpen(entry): show one. */
export class ResultTable {
  constructor(panel, { header, rows }, onOpen) {
    this.panel = panel;
    this.header = header;
    this.entries = rows.map((row, place) => ({ number: place + 1, row, values: valuesOf(header, row), result: null }));
    this.order = this.entries;
    this.sorted = { column: 0, falling: false };
    this.page = 0;
    this.onOpen = onOpen;
    this.open = null;
    this.model = null;
    panel.hidden = false;
    this.draw();
  }

  /** Take results of consecutive rows from `start` on. */
  put(start, results, model) {
    results.forEach((result, place) => {
      this.entries[start + place].result = result;
    });
    this.model = model;
    const done = this.entries.filter(({ result }) => result).length;
    announce(`${done} of ${several(this.entries.length, "row")} classified`);
    this.draw();
  }

  /** Objects for the diagram. */
  objects() {
    const whole = ({ result, values }) => result?.predictions && BANDS.slice(0, 3).every((band) => Number.isFinite(values[band]));
    return this.entries.filter(whole).map(({ values, result }) => ({ values, label: result.predictions[0].label }));
  }

  #sort(column) {
    const falling = this.sorted.column === column && !this.sorted.falling;
    this.sorted = { column, falling };
    const key = COLUMNS[column][1];
    const rising = (one, other) => (key(one) < key(other) ? -1 : key(one) > key(other) ? 1 : one.number - other.number);
    this.order = this.entries.toSorted((one, other) => (falling ? -rising(one, other) : rising(one, other)));
    this.page = 0;
    this.draw();
    this.panel.querySelectorAll("th button")[column].focus();
  }

  draw() {
    const counts = new Map();
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
      el("div", {}, el("h2", {}, several(this.entries.length, "row")), el("p", {}, summary, failed > 0 && `${count(failed)} refused`)),
      el("div", { class: "row" },
        el("button", { type: "button", onclick: () => this.#csv() }, "CSV"),
        el("button", { type: "button", onclick: () => this.#json() }, "JSON")),
    );
    const progress = done < this.entries.length && el("progress", { max: this.entries.length, value: done, "aria-label": "Rows classified" });
    this.panel.replaceChildren(...[head, progress, this.#table(), this.#pages()].filter(Boolean));
  }

  #table() {
    const { column, falling } = this.sorted;
    const heads = COLUMNS.map(([name], place) => {
      const sort = place === column ? (falling ? "descending" : "ascending") : undefined;
      const arrow = place === column ? (falling ? " ↓" : " ↑") : "";
      return el("th", { scope: "col", "aria-sort": sort, class: place === 3 ? "n" : undefined },
        el("button", { type: "button", onclick: () => this.#sort(place) }, name + arrow));
    });
    const shown = this.order.slice(this.page * PAGE, (this.page + 1) * PAGE);
    const body = el("tbody", {}, shown.map((entry) => this.#row(entry)));
    return el("div", { class: "scroll", tabIndex: 0, role: "region", "aria-label": "Rows" }, el("table", {}, el("thead", {}, el("tr", {}, heads)), body));
  }

  #row(entry) {
    const { number, result } = entry;
    const name = result?.id && result.id !== String(number - 1) ? result.id : `row ${number}`;
    const open = el("button", { type: "button", onclick: () => this.#show(entry) }, name);
    const cells = (...rest) => [el("td", { class: "n" }, String(number)), el("td", {}, result?.predictions ? open : name), ...rest];
    if (!result) return el("tr", {}, cells(el("td", { colSpan: 3, class: "hint" }, "waiting")));
    if (result.error) return el("tr", {}, cells(el("td", { colSpan: 3, class: "wide wrong" }, result.error.detail)));
    const [best] = result.predictions;
    return el("tr", { class: entry === this.open ? "is-open" : undefined },
      cells(
        el("td", {}, el("span", { class: `tag ${classOf(best.label)}` }, best.label)),
        el("td", { class: "n" }, percent(best.probability)),
        el("td", {}, result.prediction_set.join(", ")),
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
    const turn = (by, words) => el("button", { type: "button", disabled: this.page + by < 0 || this.page + by > last, onclick: () => this.#turn(by, words) }, words);
    return el("nav", { class: "pages", "aria-label": "Pages of the table" }, turn(-1, "Previous"), `${this.page + 1} of ${last + 1}`, turn(1, "Next"));
  }

  #turn(by, words) {
    this.page += by;
    this.draw();
    const [previous, next] = this.panel.querySelectorAll(".pages button");
    const same = words === "Next" ? next : previous;
    (same.disabled ? (same === next ? previous : next) : same).focus();
  }

  #csv() {
    const own = [...this.header, "skysort_class", "skysort_p_galaxy", "skysort_p_qso", "skysort_p_star", "skysort_set", "skysort_model", "skysort_error"];
    const rows = this.entries.map(({ row, result }) => {
      const of = (label) => result?.predictions?.find((prediction) => prediction.label === label)?.probability;
      const model = result?.predictions ? `${this.model.name} ${this.model.version}` : "";
      const cells = this.header.map((_, place) => row[place] ?? "");
      return [...cells, result?.predictions?.[0].label, of("GALAXY"), of("QSO"), of("STAR"), result?.prediction_set?.join(";"), model, result?.error?.detail];
    });
    saveCsv(`${stamped("star")}.csv`, [own, ...rows]);
  }

  #json() {
    saveJson(`${stamped("star")}.json`, { model: this.model, results: this.entries.map(({ result }) => result) });
  }
}
