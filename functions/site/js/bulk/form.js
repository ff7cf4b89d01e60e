// What a bulk job is asked for: the model, the source, and how the results are to be.
import { button, choices, el } from "../dom.js";
import { newBatch } from "../download.js";
import { acceptDrops, chooser } from "../files.js";
import { bytes, plural } from "../format.js";
import { Prior } from "../prior.js";
import { offerModels } from "../trained-choice.js";

const MAX_KEYS = 1000;
const TOLERATED_PERCENT = 5;
const LOCATED = /^(incoming\/|s3:\/\/[a-z0-9.-]+\/)/;
const PLACES = { files: "Files from here", s3: "What lies in S3" };

/** One line is a prefix or a list of files by its name, several are files. */
function sourceOf(lines, isList) {
  if (lines.length > 1) return { keys: lines };
  return isList ? { manifest: lines[0] } : { prefix: lines[0] };
}

/** The form. onStart(request, uploads): uploads is {batch, files}, or undefined where the source is in S3 already. */
export class Form {
  constructor(models, { onStart }) {
    this.files = [];
    this.models = models;
    this.model = el("select", { id: "bulk-model" });
    offerModels(this.model, models);
    this.places = Object.entries(PLACES).map(([name, text]) => button(text, () => this.#choose(name), { "data-place": name }));
    this.output = choices([["parquet", "Parquet"], ["csv", "CSV"]]);
    this.tolerated = el("input", { type: "number", min: 0, max: 100, step: "any", value: TOLERATED_PERCENT });
    this.columns = el("input", { autocomplete: "off", spellcheck: false, placeholder: "objid, run, camcol" });
    this.prior = new Prior("bulk");
    this.missing = el("p", { class: "hint", id: "bulk-missing" });
    this.submit = el("button", { type: "submit", class: "main" }, "Plan");
    this.element = el("form", { class: "panel", id: "bulk-form", noValidate: true },
      el("label", { class: "field", htmlFor: "bulk-model" }, "Model"), this.model,
      el("div", { class: "tabs", role: "group", "aria-label": "Where the source is" }, this.places),
      this.#here(), this.#there(),
      el("details", {}, el("summary", {}, "Options"),
        el("label", { class: "field" }, "Results as", this.output),
        el("label", { class: "field" }, "Rows that may fail, in per cent ", el("span", { class: "hint" }, "with more of them the job counts as failed"), this.tolerated),
        el("label", { class: "field" }, "Columns of the tables to copy into the results ", el("span", { class: "hint" }, "identifier and position are copied anyway"), this.columns),
        this.prior.element),
      el("div", { class: "start" }, this.submit, this.missing));
    this.element.addEventListener("input", () => this.#draw());
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#fault()) onStart(this.#request(), this.#uploads());
    });
    this.#choose("files");
  }

  /** Add files [{file, path}] to those to upload. */
  addFiles(files) {
    this.#choose("files");
    const known = new Set(files.map(({ path }) => path));
    this.files = [...this.files.filter(({ path }) => !known.has(path)), ...files];
    this.#draw();
  }

  #here() {
    const add = (files) => this.addFiles(files);
    this.chosen = el("p", { class: "hint", id: "bulk-chosen" });
    this.clear = button("Clear", () => {
      this.files = [];
      this.#draw();
    }, { class: "quiet" });
    this.here = el("div", { class: "drop small", id: "bulk-drop" }, el("p", { class: "drop-words" }, "Drop tables, pictures, archives or a folder here"),
      el("p", { class: "row" }, chooser("Choose files", add, { multiple: true }), chooser("Choose a folder", add, { webkitdirectory: true }), this.clear), this.chosen);
    acceptDrops(this.here, add);
    return this.here;
  }

  #there() {
    this.lines = el("textarea", { rows: 3, spellcheck: false, autocomplete: "off", placeholder: "incoming/bulk/survey/" });
    this.isList = el("input", { type: "checkbox" });
    this.there = el("div", {},
      el("label", { class: "field" }, "Prefix, or keys of files ", el("span", { class: "hint" }, "one a line: incoming/…, or s3://bucket/… where the service may read it"), this.lines),
      el("label", { class: "switch" }, this.isList, " It is a list of files ", el("span", { class: "hint" }, "a key a line, or an S3 inventory's manifest.json")));
    return this.there;
  }

  #choose(place) {
    this.place = place;
    for (const node of this.places) node.setAttribute("aria-pressed", String(node.dataset.place === place));
    this.here.hidden = place !== "files";
    this.there.hidden = place !== "s3";
    this.#draw();
  }

  get #located() {
    return this.lines.value.split("\n").map((line) => line.trim()).filter(Boolean);
  }

  #fault() {
    if (this.tolerated.value === "" || !this.tolerated.checkValidity()) return "The share of rows that may fail is 0 to 100 per cent.";
    if (this.place === "files") return this.files.length === 0 ? "Missing: files." : "";
    const lines = this.#located;
    if (lines.length === 0) return "Missing: a prefix, or keys of files.";
    if (lines.length > MAX_KEYS) return `At most ${MAX_KEYS} keys; put more into a file, and name that as a list.`;
    const strange = lines.find((line) => !LOCATED.test(line));
    return strange ? `'${strange}' begins with neither incoming/ nor s3://bucket/.` : "";
  }

  /** Whether the model has one: tables, and what people trained. */
  get #takesPrior() {
    return this.models.find(({ name }) => name === this.model.value)?.input !== "pictures";
  }

  #draw() {
    this.prior.element.hidden = !this.#takesPrior;
    const fault = this.#fault();
    const size = this.files.reduce((sum, { file }) => sum + file.size, 0);
    this.chosen.textContent = this.files.length > 0 ? `${plural(this.files.length, "file")}, ${bytes(size)}` : "";
    this.clear.hidden = this.files.length === 0;
    this.isList.disabled = this.#located.length > 1;
    this.missing.textContent = fault || "Nothing is classified before you have seen the plan.";
    this.submit.disabled = Boolean(fault);
  }

  #request() {
    const columns = this.columns.value.split(",").map((name) => name.trim()).filter(Boolean);
    return {
      model: this.model.value,
      output: this.output.value,
      tolerated_share: Number(this.tolerated.value) / 100,
      ...(columns.length > 0 && { columns }),
      ...(this.#takesPrior && { prior: this.prior.shares }),
      ...(this.place === "s3" && { source: sourceOf(this.#located, this.isList.checked) }),
      plan_only: true,
    };
  }

  #uploads() {
    return this.place === "files" ? { batch: newBatch("bulk"), files: this.files } : undefined;
  }
}
