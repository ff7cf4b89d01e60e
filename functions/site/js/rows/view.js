// The view of a model of rows: one object by its numbers, or a table of them.
import { ApiError, at, call, post, withOptions } from "../api.js";
import { button, copyOf, el, put } from "../dom.js";
import { csvText } from "../download.js";
import { acceptChoice, acceptDrops } from "../files.js";
import { plural } from "../format.js";
import { Prior, sharesText } from "../prior.js";
import { Queue } from "../queue.js";
import { sampleUrl } from "../models.js";
import { asEntry, modelChoice } from "../trained-choice.js";
import { sharesFigure, verdict, wholeVerdict } from "../typicality.js";
import { bars, failure, hint, problemBox, warningList } from "../widgets.js";
import { classOf, diagram, shapFigure } from "./figures.js";
import { Form } from "./form.js";
import { isPhotometry, joined, readTable, valuesOf } from "./read.js";
import { ResultTable } from "./table.js";

const MAX_FILE_BYTES = 20e6;
const MAX_ROWS = 50_000;
const ROWS_PER_CALL = 1_000;
const CONCURRENCY = 2;
const TEXT = /\.(csv|tsv|txt)$/i;
const BATCH_ADVICE = "The Batch view takes tables of any length.";
const NAMES = { GALAXY: "A galaxy", QSO: "A quasar", STAR: "A star" };
const VARIANTS = {
  with_redshift: "Classified with the redshift.",
  photometry_only: "Classified from magnitudes and colours alone: no redshift given.",
};
const EMPTY = "The answer appears here: the class, its probabilities, and what supports it.";

/** The columns of a trained model's card, as GET /v1/models lists those of a built-in one. */
const columnsOf = ({ input }) =>
  Object.entries(input.columns).map(([name, { unit, range: [minimum, maximum], required }]) => ({ name, unit, minimum, maximum, required }));

class Rows {
  constructor(section, model) {
    this.builtIn = model;
    this.running = new AbortController();
    const { content, parts } = copyOf("rows", model.name);
    this.parts = parts;
    this.panel = parts.answer;
    this.prior = new Prior(model.name);
    parts.error.parentElement.after(this.prior.element);
    section.append(content);
    this.#use(model);
    for (const sample of model.samples) parts[sample.row ? "samples" : "actions"].append(this.#sample(sample));
    this.choice = modelChoice(model, "rows", (entry) => this.#choose(entry));
    this.choice.element.classList.add("field");
    parts.form.prepend(this.choice.element);
    parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#classifyForm();
    });
    parts.fields.addEventListener("paste", (event) => this.#pasteRow(event));
    parts.read.addEventListener("click", () => this.#read(parts.paste.value));
    parts.file.accept = [".txt", ...model.accepts.filter((suffix) => TEXT.test(suffix))].join();
    acceptChoice(parts["file-button"], parts.file, (files) => this.addFiles(files));
    acceptDrops(parts.form, (files) => this.addFiles(files));
  }

  /** Whether the diagram of the built-in model's training data says something of an answer. */
  get hasContours() {
    return this.model === this.builtIn && isPhotometry(this.model.columns);
  }

  /** Called whenever the view is shown. name: of a trained model, from an address like #star/night. */
  onShow(name) {
    if (name) this.choice.choose(decodeURIComponent(name));
  }

  /** Classify with a model from now on: its columns, an empty answer. */
  #use(model) {
    const { parts } = this;
    this.running.abort();
    this.model = model;
    this.path = model.path ?? `/v1/classify/${model.name}`;
    parts.fields.replaceChildren();
    this.prior.use(model.labels);
    this.form = new Form(parts, model);
    const [first] = model.samples.filter(({ row }) => row);
    if (first) this.form.fill(first.row);
    this.panel.replaceChildren(el("p", { class: "empty" }, EMPTY));
    parts.table.hidden = true;
    parts.legend.textContent = isPhotometry(model.columns) ? "AB magnitudes (SDSS)" : "Values";
    parts.paste.placeholder = model.columns.map(({ name }) => name).join(",");
  }

  /** Use a trained model, with the columns of its card; the built-in one without an entry. */
  async #choose(entry) {
    const { builtIn } = this;
    const version = entry?.live;
    if (this.chosen === version) return;
    this.chosen = version;
    this.parts.samples.hidden = Boolean(entry);
    if (!entry) {
      this.#use(builtIn);
      return;
    }
    try {
      const { card } = await call(at`/v1/trained/${entry.name}`);
      if (this.chosen === version) this.#use({ ...asEntry(entry, builtIn), columns: columnsOf(card), labels: card.labels });
    } catch (error) {
      this.#fail(error, () => {
        this.chosen = undefined;
        this.#choose(entry);
      });
    }
  }

  #sample({ title, row, file }) {
    const useRow = () => {
      this.form.fill(row);
      this.#classifyForm();
    };
    const useTable = async () => {
      try {
        const response = await fetch(sampleUrl(file));
        this.parts.paste.value = await response.text();
      } catch {
        this.#refuse("The sample failed to load", "Check the connection, then try again.");
        return;
      }
      this.#read(this.parts.paste.value);
    };
    return button(title, row ? useRow : useTable, { class: row ? undefined : "quiet" });
  }

  /** A whole row pasted into a field fills the form. */
  #pasteRow(event) {
    const text = event.clipboardData.getData("text");
    if (!/[,;\t\n]|\d\s+\d/.test(text.trim())) return;
    event.preventDefault();
    this.parts.paste.value = text;
    this.#read(text);
  }

  async #classifyForm() {
    const values = this.form.read();
    if (values) await this.#explain(values);
  }

  /** A button that shows the call of an answer as code. call: its body, type and query. */
  #apiButton({ query, ...call }) {
    const url = withOptions(this.path, { prior: this.prior.value, ...query });
    const show = async () => (await import("../use-api.js")).useViaApi({ url, ...call });
    return button("Use via API", show, { class: "quiet" });
  }

  #restart() {
    this.running.abort();
    this.running = new AbortController();
    return this.running.signal;
  }

  /** Classify one object with its explanation. values: {u, g, r, ...}; id: its name, if it has one. */
  async #explain(values, id) {
    const signal = this.#restart();
    this.panel.setAttribute("aria-busy", "true");
    try {
      const { results } = await post(withOptions(this.path, { explain: true, prior: this.prior.value }), values, { signal });
      await this.#show({ ...results[0], id: id ?? results[0].id }, values);
      // On a phone the answer is below the form.
      if (matchMedia("(max-width: 60rem)").matches) this.panel.scrollIntoView({ block: "start" });
    } catch (error) {
      if (signal.aborted) return;
      this.#fail(error, () => this.#explain(values, id));
    }
    this.panel.removeAttribute("aria-busy");
  }

  /** Show an answer: class, probabilities, prediction set, explanation, and its position among the training data. */
  async #show(result, values) {
    const [best] = result.predictions;
    const head = el(
      "div",
      { class: "star-head" },
      el("div", {},
        verdict(result, "object", { nameOf: (label) => NAMES[label] ?? label, kind: classOf(best.label) }),
        this.hasContours && hint(VARIANTS[result.variant]),
        warningList(result.warnings)),
      bars(result.predictions, { classOf }),
    );
    const figures = el("div", { class: "figures" }, result.explanation && shapFigure(result.explanation, best.label));
    const name = result.id && result.id !== "0" ? el("h2", {}, result.id) : el("h2", { class: "visually-hidden" }, "Answer");
    const code = { type: "application/json", body: { value: values }, query: { explain: true } };
    this.panel.replaceChildren(name, head, figures, el("p", { class: "row end" }, this.#apiButton(code)));
    if (!this.hasContours) return;
    try {
      figures.append(await diagram([{ values, label: best.label }]));
    } catch {
      figures.append(problemBox({ title: "The diagram failed to load", advice: "Check the connection, then classify again." }));
    }
  }

  #fail(error, retry) {
    if (!(error instanceof ApiError)) throw error;
    if (this.prior.refused(error)) this.prior.input.focus();
    put(this.panel, failure(error, retry));
    this.panel.removeAttribute("aria-busy");
  }

  #refuse(title, advice) {
    this.panel.replaceChildren(problemBox({ title, advice }));
  }

  /** Classify the first of the files [{file, path}], a table as text. */
  async addFiles([first]) {
    if (!first) return;
    const path = first.path.toLowerCase();
    const isBinary = !TEXT.test(path) && [".gz", ...this.model.accepts].some((suffix) => path.endsWith(suffix));
    if (isBinary || first.file.size > MAX_FILE_BYTES) this.#refuse(`${first.path} must be uploaded as a batch`, BATCH_ADVICE);
    else this.#read(await first.file.text());
  }

  #read(text) {
    let table;
    try {
      table = readTable(text, this.model.columns);
    } catch (error) {
      this.#refuse("That doesn't look like a table", error.message);
      return;
    }
    const { header, rows } = table;
    if (rows.length > MAX_ROWS) this.#refuse(`${plural(rows.length, "row")} must be uploaded as a batch`, BATCH_ADVICE);
    else if (rows.length > 1) this.#classifyTable(table);
    else {
      this.form.fill(valuesOf(header, rows[0], this.model.columns));
      this.parts.table.hidden = true;
      this.#classifyForm();
    }
  }

  async #classifyTable(table) {
    const signal = this.#restart();
    const results = new ResultTable(this.parts.table, this.model, table, ({ values, result }) => {
      this.form.fill(values);
      this.#explain(values, result.id);
      this.panel.scrollIntoView({ block: "nearest" });
    });
    this.panel.replaceChildren(el("p", { class: "empty" }, "Classifying…"));
    try {
      const wholes = [];
      await this.#classifyParts(table, (start, { results: part, model, table: whole }) => {
        results.put(start, part, model);
        wholes.push({ ...whole, rows: part.length });
      }, signal);
      const whole = joined(wholes);
      const figure = this.hasContours && (await diagram(results.objects()));
      if (signal.aborted) return;
      const isUnlike = whole.domain?.in_domain === false;
      this.parts.table.classList.toggle("is-unlike", isUnlike);
      const use = button("Use these shares", () => {
        this.prior.value = sharesText(whole.class_shares);
        this.#classifyTable(table);
      });
      put(this.panel, el("h2", {}, plural(table.rows.length, "object")), wholeVerdict(whole), hint("Select a row below to see why it got its class."),
        el("div", { class: "figures" }, sharesFigure(whole.class_shares, classOf, !isUnlike && use), figure),
        el("p", { class: "row end" }, this.#apiButton({ type: "text/csv", body: { file: "table.csv" } })));
    } catch (error) {
      if (signal.aborted) return;
      this.parts.table.hidden = true;
      this.#fail(error, () => this.#classifyTable(table));
    }
  }

  /** Classify a table a thousand rows per call. onPart(first row, answer) is called for each, in any order. */
  async #classifyParts({ header, rows }, onPart, signal) {
    const queue = new Queue(CONCURRENCY);
    const starts = Array.from({ length: Math.ceil(rows.length / ROWS_PER_CALL) }, (_, part) => part * ROWS_PER_CALL);
    await Promise.all(starts.map(async (start) => {
      const body = csvText([header, ...rows.slice(start, start + ROWS_PER_CALL)]);
      const path = withOptions(this.path, { prior: this.prior.value });
      onPart(start, await queue.add(() => call(path, { method: "POST", body, type: "text/csv", signal })));
    }));
  }
}

/** Fill the section of one model. */
export const start = (section, { model }) => new Rows(section, model);
