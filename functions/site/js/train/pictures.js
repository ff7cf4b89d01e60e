// What a model of pictures learns from: class boxes, folders, a zip archive, corrections.
import { corrections } from "../corrections.js";
import { button, el } from "../dom.js";
import { chooser } from "../files.js";
import { plural } from "../format.js";
import { confirmed } from "../confirm.js";
import { announce } from "../widgets.js";
import { Boxes } from "./boxes.js";
import { CorrectionsPanel } from "./corrections-panel.js";
import { Dataset } from "./dataset.js";
import { distribute, leftOut, sorted } from "./incoming.js";

/** The form's part for pictures. model: a built-in model of pictures; onChange(): what is missing may have changed. */
export class PictureData {
  constructor(model, onChange) {
    this.model = model;
    this.onChange = onChange;
    this.whole = null;
    this.uploaded = null; // {batch, files: path -> file} of the last upload
    const holder = el("div", { class: "boxes" });
    this.note = el("p", { class: "hint", role: "status" });
    this.archive = el("div", { class: "notice", hidden: true });
    const accept = ["image/*", ...model.accepts].join();
    const add = (files) => this.addFiles(files);
    const sources = [chooser("Choose a folder of class folders", add, { webkitdirectory: true }), chooser("Choose a zip", add, { accept: ".zip" })];
    this.clearButton = button("Clear all", () => this.#clear(), { class: "quiet" });
    this.inBoxes = el("div", {}, holder);
    this.dataset = new Dataset(() => this.#changed());
    this.boxes = new Boxes(holder, this.dataset, { accept, add: (label, files) => this.#add(label, files) });
    this.corrections = new CorrectionsPanel(corrections, this.dataset);
    const addClass = button("Add a class", () => this.boxes.edit(this.dataset.addClass()));
    this.element = el("div", { id: "train-pictures" },
      this.inBoxes, this.archive, el("p", { class: "row" }, addClass, sources, this.clearButton), this.note, this.corrections.element);
    this.dataset.load();
    this.#changed();
  }

  onShow() {
    corrections.load();
  }

  /** What is missing before a training can start, in sentences. */
  get missing() {
    return this.whole ? [] : this.dataset.missing;
  }

  get summary() {
    if (this.whole) return "";
    return `${plural(this.dataset.size, "picture")} in ${this.dataset.classes.filter(({ pictures }) => pictures.length > 0).length} classes.`;
  }

  /** Files from a drop, a paste or a choice, without a class of their own. */
  async addFiles(files) {
    if (files.length === 0) {
      announce("No files found.");
      return;
    }
    const label = this.boxes.target?.name ?? this.dataset.addClass().name;
    const { added, note, whole, about } = await distribute(files, this.dataset, { model: this.model, label });
    this.#setWhole(whole ?? null, about);
    this.note.textContent = whole ? "" : [`${plural(added, "picture")} added.`, note].filter(Boolean).join(" ");
  }

  /** What to upload, and to which batch: the one before if pictures were only added to it since. */
  upload(newBatch) {
    if (this.whole) return { files: [{ file: this.whole, path: this.whole.name }], whole: this.whole, batch: newBatch(), sent: new Map() };
    const { files } = this.dataset;
    const now = new Map(files.map(({ file, path }) => [path, file]));
    const isGrown = this.uploaded && [...this.uploaded.files].every(([path, file]) => now.get(path) === file);
    const sent = new Map(isGrown ? [...this.uploaded.files].map(([path, { size }]) => [path, size]) : []);
    const batch = isGrown ? this.uploaded.batch : newBatch();
    this.uploaded = { batch, files: now };
    return { files, batch, sent };
  }

  #add(label, files) {
    if (files.some(({ path }) => /\.zip$/i.test(path))) {
      this.addFiles(files);
      return;
    }
    const [pictures, others] = sorted(files, this.model);
    this.dataset.add(label, pictures);
    this.note.textContent = leftOut(others);
  }

  async #clear() {
    if (!(await confirmed("Clear the class boxes?", `${plural(this.dataset.size, "picture")} will be taken out of the training set. The files themselves stay.`, "Clear"))) return;
    this.dataset.clear();
    this.note.textContent = "";
  }

  #setWhole(file, about) {
    this.whole = file;
    this.inBoxes.hidden = Boolean(file);
    this.archive.hidden = !file;
    this.archive.replaceChildren(...(file ? [el("p", {}, about), el("p", { class: "row" }, button("Remove", () => this.#setWhole(null)))] : []));
    this.#changed();
  }

  #changed() {
    if (!this.boxes) return;
    this.boxes.draw();
    this.clearButton.hidden = this.dataset.isEmpty;
    this.corrections?.draw();
    this.onChange();
  }
}
