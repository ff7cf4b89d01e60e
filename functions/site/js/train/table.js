// What a model of objects learns from: a table with a column of classes.
import { button, el } from "../dom.js";
import { acceptChoice, acceptDrops } from "../files.js";
import { bytes, count, plural } from "../format.js";
import { cells, columnsOf, isNumber } from "../rows/read.js";

const READ_BYTES = 2e6; // of the beginning, for the header and an impression of the columns
const TEXT = /\.(csv|tsv|txt)$/i;
const MAX_CLASSES = 100;
const CLASS_NAMES = ["class", "label", "spectype", "type", "subclass", "sptype", "object_type", "objtype", "target"];

/** The columns of a table's beginning: [{name, values: distinct -> number, isNumeric}]. */
function columnsIn([header, ...rows]) {
  return header.map((name, index) => {
    const values = new Map();
    for (const row of rows) if (row[index]) values.set(row[index], (values.get(row[index]) ?? 0) + 1);
    return { name, values, isNumeric: [...values.keys()].every(isNumber) };
  });
}

/** The column that most likely holds the classes: one of that name, else the first of few words. */
function guessed(columns) {
  const named = CLASS_NAMES.map((name) => columns.find((column) => column.name.toLowerCase() === name)).find(Boolean);
  const isLikely = ({ values, isNumeric }) => !isNumeric && values.size >= 2 && values.size <= MAX_CLASSES;
  return (named ?? columns.find(isLikely) ?? columns.at(-1)).name;
}

/** The form's part for a table. model: the built-in model of rows; onChange(): what is missing may have changed. */
export class TableData {
  constructor(model, onChange) {
    this.model = model;
    this.onChange = onChange;
    this.file = null;
    const input = el("input", { type: "file", accept: [".txt", ...model.accepts].join(), hidden: true });
    const choose = button("Choose a table");
    acceptChoice(choose, input, (files) => this.addFiles(files));
    const drop = el("div", { class: "drop small" }, el("p", { class: "drop-words" }, "Drop a table with a column of classes here"),
      el("p", { class: "row" }, choose, input), el("p", { class: "hint" }, model.accepts.join(", ")));
    acceptDrops(drop, (files) => this.addFiles(files));
    this.details = el("div", { class: "table-details" });
    this.element = el("div", { id: "train-star", hidden: true }, drop, this.details);
  }

  get missing() {
    if (!this.file) return ["a table with a column of classes."];
    if (!this.classColumn?.value.trim()) return ["the name of the column with the classes."];
    return [];
  }

  get summary() {
    return this.file ? `${this.file.name}, ${bytes(this.file.size)}.` : "";
  }

  async addFiles([first]) {
    if (!first) return;
    this.file = first.file;
    this.columns = null;
    if (TEXT.test(first.path)) this.columns = columnsIn(await this.#beginning(first.file));
    this.#draw();
    this.onChange();
  }

  /** What to upload, and the options of the training. */
  upload(newBatch) {
    const columns = Object.fromEntries((this.mapping ?? []).filter(([, select]) => select.value).map(([name, select]) => [name, select.value]));
    const options = { class_column: this.classColumn.value.trim(), ...(Object.keys(columns).length > 0 && { columns }), search: this.search.checked };
    return { files: [{ file: this.file, path: this.file.name }], whole: this.file, batch: newBatch(), sent: new Map(), options };
  }

  /** The rows of the table's first megabytes; the last may be cut off and is left out. */
  async #beginning(file) {
    const rows = cells(await file.slice(0, READ_BYTES).text());
    return file.size > READ_BYTES ? rows.slice(0, -1) : rows;
  }

  #draw() {
    const changed = () => {
      this.#describe();
      this.onChange();
    };
    this.search = el("input", { type: "checkbox" });
    if (this.columns) {
      this.classColumn = el("select", {}, this.columns.map(({ name }) => el("option", { value: name }, name)));
      this.classColumn.value = guessed(this.columns);
      this.classColumn.addEventListener("change", changed);
    } else {
      this.classColumn = el("input", { value: "class", autocomplete: "off", spellcheck: false });
      this.classColumn.addEventListener("input", changed);
    }
    this.described = el("p", { class: "hint" });
    this.mapping = this.columns && this.#mapping();
    this.details.replaceChildren(...[
      el("p", {}, el("b", {}, this.file.name), ` ${bytes(this.file.size)}`),
      el("label", { class: "field" }, "Column with the classes", this.classColumn), this.described,
      this.mapping && el("details", {}, el("summary", {}, "Columns"),
        el("div", { class: "mapping" }, this.mapping.map(([name, select]) => el("label", {}, el("span", {}, name), select)))),
      el("label", { class: "switch" }, this.search, " Search for better hyperparameters ", el("span", { class: "hint" }, "takes longer")),
    ].filter(Boolean));
    this.#describe();
  }

  /** A choice of the table's column for each of the built-in model's, as its spellings suggest. */
  #mapping() {
    const header = this.columns.map(({ name }) => name);
    const suggested = new Map(columnsOf(header, this.model.columns));
    return this.model.columns.map(({ name }) => {
      const select = el("select", {}, el("option", { value: "" }, "as the service finds it"), header.map((column) => el("option", { value: column }, column)));
      const index = suggested.get(name);
      select.value = index === undefined ? "" : header[index];
      return [name, select];
    });
  }

  #describe() {
    const column = this.columns?.find(({ name }) => name === this.classColumn.value);
    if (!column) {
      this.described.textContent = "The table is read by the service; name the column here.";
      return;
    }
    const sorted = [...column.values].sort(([, a], [, b]) => b - a);
    const listed = sorted.slice(0, 8).map(([label, number]) => `${label} (${count(number)})`);
    const start = this.file.size > READ_BYTES ? "At the beginning of the table: " : "";
    const warning = sorted.length < 2 || sorted.length > MAX_CLASSES ? ` A model has 2 to ${MAX_CLASSES} classes.` : "";
    this.described.textContent = `${start}${plural(sorted.length, "value")}: ${listed.join(", ")}${sorted.length > listed.length ? ", …" : ""}.${warning}`;
  }
}
