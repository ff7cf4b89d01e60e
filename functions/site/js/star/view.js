// The view Star: one object by its numbers, or a table of them.
import { Refusal } from "../api.js";
import { parseCsv } from "../csv.js";
import { byId, el } from "../dom.js";
import { acceptDrops, chosenIn } from "../files.js";
import { several } from "../format.js";
import { problemBox } from "../notice.js";
import { sampleUrl } from "../samples.js";
import { emptyAnswer, showAnswer } from "./answer.js";
import { MOST_ROWS, classifyOne, classifyTable } from "./classify.js";
import { valuesOf, withHeader } from "./columns.js";
import { diagram } from "./diagram.js";
import { fillForm, makeFields, readForm } from "./form.js";
import { ResultTable } from "./table.js";

// Objects of SDSS17, one of each class; the first stands in the form at the start.
const SAMPLES = [
  ["Galaxy", { u: 23.87882, g: 22.2753, r: 20.39501, i: 19.16573, z: 18.79371, redshift: 0.6347936 }],
  ["Quasar", { u: 20.38562, g: 20.40514, r: 20.29996, i: 20.05918, z: 19.89044, redshift: 2.031528 }],
  ["Star", { u: 21.74669, g: 20.03493, r: 19.17553, i: 18.81823, z: 18.65422, redshift: -7.895373e-6 }],
];
const LARGEST_FILE = 20e6;

class Star {
  constructor() {
    this.panel = byId("star-answer");
    this.running = new AbortController();
    makeFields();
    fillForm(SAMPLES[0][1]);
    this.panel.append(emptyAnswer());
    byId("star-samples").append(...SAMPLES.map(([name, values]) => this.#sample(name, values)));
    byId("star-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#one();
    });
    byId("star-fields").addEventListener("paste", (event) => this.#pastedRow(event));
    byId("star-read").addEventListener("click", () => this.#text(byId("star-paste").value));
    byId("star-file-button").addEventListener("click", () => byId("star-file").click());
    byId("star-file").addEventListener("change", () => this.take(chosenIn(byId("star-file"))));
    byId("star-sample-table").addEventListener("click", () => this.#sampleTable());
    acceptDrops(byId("star-form"), (files) => this.take(files));
  }

  #sample(name, values) {
    const take = () => {
      fillForm(values);
      this.#one();
    };
    return el("button", { type: "button", onclick: take }, name);
  }

  /** A whole row pasted into a field of the form fills the form. */
  #pastedRow(event) {
    const text = event.clipboardData.getData("text");
    if (!/[,;\t\n]|\d\s+\d/.test(text.trim())) return;
    event.preventDefault();
    byId("star-paste").value = text;
    this.#text(text);
  }

  async #one() {
    const values = readForm();
    if (values) await this.#explain(values);
  }

  async #explain(values, id) {
    this.running.abort();
    this.running = new AbortController();
    const { signal } = this.running;
    this.panel.setAttribute("aria-busy", "true");
    try {
      const result = await classifyOne(values, signal);
      await showAnswer(this.panel, { ...result, id: id ?? result.id }, values);
      // On a phone the answer lies below the form.
      if (matchMedia("(max-width: 60rem)").matches) this.panel.scrollIntoView({ block: "start" });
    } catch (error) {
      if (signal.aborted) return;
      this.#failed(error, () => this.#explain(values, id));
    }
    this.panel.removeAttribute("aria-busy");
  }

  #failed(error, again) {
    if (!(error instanceof Refusal)) throw error;
    const button = el("button", { type: "button", onclick: again }, "Try again");
    this.panel.replaceChildren(problemBox(error, ...(error.passing ? [button] : [])));
    this.panel.removeAttribute("aria-busy");
  }

  #refuse(title, advice) {
    this.panel.replaceChildren(problemBox({ title, advice }));
  }

  async #sampleTable() {
    try {
      const response = await fetch(sampleUrl("stars.csv"));
      const text = await response.text();
      byId("star-paste").value = text;
      this.#text(text);
    } catch {
      this.#refuse("The sample did not load", "Check the connection, then try again.");
    }
  }

  /** Take a table from a file: [{file}]. */
  async take([first]) {
    if (!first) return;
    if (first.file.size > LARGEST_FILE || /\.(fits?|parquet|vot|xml|ecsv|tbl|gz)$/i.test(first.path)) {
      this.#refuse(`${first.path} belongs into the drop folder`, "The Batch view takes tables of any length: CSV, FITS, VOTable and Parquet.");
      return;
    }
    this.#text(await first.file.text());
  }

  #text(text) {
    let table;
    try {
      table = withHeader(parseCsv(text));
    } catch (error) {
      this.#refuse("This is no table of objects", error.message);
      return;
    }
    if (table.rows.length > MOST_ROWS) {
      this.#refuse(`${several(table.rows.length, "row")} are too many for the page`, "The Batch view takes tables of any length.");
    } else if (table.rows.length === 1) this.#single(table);
    else this.#many(table);
  }

  #single({ header, rows: [row] }) {
    fillForm(valuesOf(header, row));
    byId("star-table").hidden = true;
    this.#one();
  }

  async #many(table) {
    this.running.abort();
    this.running = new AbortController();
    const { signal } = this.running;
    const results = new ResultTable(byId("star-table"), table, ({ values, result }) => {
      fillForm(values);
      this.#explain(values, result.id);
      this.panel.scrollIntoView({ block: "nearest" });
    });
    this.panel.replaceChildren(el("p", { class: "empty" }, "Classifying…"));
    try {
      await classifyTable(table, (start, found, model) => results.put(start, found, model), signal);
      const figure = await diagram(results.objects());
      if (signal.aborted) return;
      const hint = el("p", { class: "hint" }, "Choose a row below to see what spoke for its class.");
      this.panel.replaceChildren(el("h2", {}, several(table.rows.length, "object")), hint, figure);
    } catch (error) {
      if (signal.aborted) return;
      byId("star-table").hidden = true;
      this.#failed(error, () => this.#many(table));
    }
  }
}

/** Fill the section. */
export const start = () => new Star();
