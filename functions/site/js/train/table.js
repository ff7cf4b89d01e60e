// What a model of objects learns from: a table with a column of classes.
import { choices, el, put } from "../dom.js";
import { acceptDrops, chooser } from "../files.js";
import { bytes, count, plural } from "../format.js";
import { cells, columnsOf, isNumber } from "../rows/read.js";

const READ_BYTES = 2e6; // of the beginning, for the header and an impression of the columns
const TEXT = /\.(csv|tsv|txt)$/i;
const MAX_CLASSES = 100;
const REDSHIFT = "redshift";
const EXTRA = /^[a-z][a-z0-9_]*$/; // names that the service takes for a further column
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
    const add = (files) => this.addFiles(files);
    const drop = el("div", { class: "drop small" }, el("p", { class: "drop-words" }, "Drop a table with a column of classes here"),
      el("p", { class: "row" }, chooser("Choose a table", add, { accept: [".txt", ...model.accepts].join() })), el("p", { class: "hint" }, model.accepts.join(", ")));
    acceptDrops(drop, add);
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
    const options = { class_column: this.classColumn.value.trim(), ...this.#columnOptions(), search: this.search.checked };
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
      this.classColumn = choices(this.columns.map(({ name }) => [name, name]));
      this.classColumn.value = guessed(this.columns);
      this.classColumn.addEventListener("change", changed);
    } else {
      this.classColumn = el("input", { value: "class", autocomplete: "off", spellcheck: false });
      this.classColumn.addEventListener("input", changed);
    }
    this.described = el("p", { class: "hint" });
    put(this.details,
      el("p", {}, el("b", {}, this.file.name), ` ${bytes(this.file.size)}`),
      el("label", { class: "field" }, "Column with the classes", this.classColumn), this.described,
      this.columns && this.#columns(),
      el("label", { class: "switch" }, this.search, " Search for better hyperparameters ", el("span", { class: "hint" }, "takes longer")));
    this.#describe();
  }

  /** The parts of the details on columns: the bands, a column of the table for each and for the redshift, and extra columns. */
  #columns() {
    const header = this.columns.map(({ name }) => name);
    const standard = this.model.columns.map(({ name }) => name);
    this.bands = el("input", { value: standard.filter((name) => name !== REDSHIFT).join(", "), autocomplete: "off", spellcheck: false });
    const holder = el("div", { class: "mapping" });
    const extras = this.columns.filter(({ isNumeric, name }) => isNumeric && EXTRA.test(name.toLowerCase()));
    this.extras = extras.map(({ name }) => [name, el("input", { type: "checkbox" })]);
    const draw = () => {
      const suggested = new Map(columnsOf(header, this.model.columns));
      this.mapping = [...this.#bandNames(), REDSHIFT].map((name) => {
        const select = choices([["", "as the service finds it"], ...header.map((column) => [column, column])]);
        const index = suggested.get(name) ?? header.findIndex((column) => column.toLowerCase() === name);
        select.value = index < 0 ? "" : header[index];
        return [name, select];
      });
      holder.replaceChildren(...this.mapping.map(([name, select]) => el("label", {}, el("span", {}, name), select)));
    };
    this.bands.addEventListener("change", draw);
    draw();
    return el("details", {}, el("summary", {}, "Columns"),
      el("label", { class: "field" }, "Bands ", el("span", { class: "hint" }, "magnitudes, from blue to red"), this.bands), holder,
      extras.length > 0 && el("fieldset", { class: "bands" }, el("legend", {}, "Further columns to learn from"),
        el("div", { class: "mapping" }, this.extras.map(([name, box]) => el("label", { class: "switch" }, box, ` ${name}`)))));
  }

  #bandNames() {
    return this.bands.value.toLowerCase().split(/[\s,]+/).filter(Boolean);
  }

  /** The options on columns; nothing where the service reads the header. */
  #columnOptions() {
    if (!this.columns) return {};
    const used = this.mapping.filter(([, select]) => select.value).map(([name, select]) => [name, select.value]);
    const extras = this.extras.filter(([, box]) => box.checked).map(([name]) => [name.toLowerCase(), name]);
    const columns = Object.fromEntries([...extras, ...used]);
    const standard = this.model.columns.map(({ name }) => name).filter((name) => name !== REDSHIFT);
    const bands = this.#bandNames();
    return { ...(Object.keys(columns).length > 0 && { columns }), ...(bands.join() !== standard.join() && { bands }) };
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
