// The Train view: examples with their classes in, a model of one's own out.
import { ApiError, at } from "../api.js";
import { button, byId, choices, el } from "../dom.js";
import { newBatch } from "../download.js";
import { isKnown, showFault } from "../widgets.js";
import { refreshTrained, trained } from "../trained.js";
import { PictureData } from "./pictures.js";
import { Pool } from "./pool.js";
import { recentTrainings } from "./recent.js";
import { Results } from "./results.js";
import { Run } from "./run.js";
import { TableData } from "./table.js";
import { TryIt } from "./try.js";

const NAME = /^[a-z][a-z0-9_-]{0,39}$/;
const OUTCOMES = [
  ["promote", "Make it live if it is not worse than the live version", { promote: true }],
  ["force", "Make it live in any case", { promote: true, force: true }],
  ["keep", "Keep it beside the live version", { promote: false }],
];
const KINDS = { pictures: "Pictures", star: "A table of objects" };

class Train {
  constructor(section, { models, view }) {
    this.models = models;
    this.view = view;
    const [run, results, trial, pool, recent] = ["run", "results", "try", "pool", "recent"].map((name) => el("div", { class: "panel", id: `train-${name}`, hidden: true }));
    const pictureModel = models.find(({ input, archives }) => input === "pictures" && archives.length > 0) ?? models.find(({ input }) => input === "pictures");
    const starModel = models.find(({ input }) => input === "rows");
    const changed = () => this.#drawMissing();
    this.data = {
      ...(pictureModel && { pictures: new PictureData(pictureModel, changed) }),
      ...(starModel && { star: new TableData(starModel, changed) }),
    };
    this.run = new Run(run, (training) => this.#trained(training));
    this.results = new Results(results, { onPromoted: () => this.#served(this.run.state) });
    this.trial = new TryIt(trial, { models, view });
    this.pool = pictureModel && new Pool(pool, { model: pictureModel, data: this.data.pictures, again: (name) => this.#again(name) });
    this.recent = recent;
    section.append(this.#form(), run, results, trial, pool, recent);
    this.#choose(Object.keys(this.data)[0]);
  }

  #form() {
    this.name = el("input", { id: "train-name", autocomplete: "off", spellcheck: false, maxLength: 40, placeholder: "rings", "aria-describedby": "train-name-hint train-name-error" });
    this.nameError = el("p", { class: "wrong", id: "train-name-error", hidden: true });
    this.missing = el("p", { class: "hint", id: "train-missing" });
    this.outcome = choices(OUTCOMES);
    this.submit = el("button", { type: "submit", class: "main" }, "Train");
    this.kinds = Object.keys(this.data).map((kind) => button(KINDS[kind], () => this.#choose(kind), { "data-kind": kind }));
    this.name.addEventListener("input", () => this.#reportName(""));
    this.form = el("form", { class: "panel", id: "train-form", noValidate: true },
      this.kinds.length > 1 && el("div", { class: "tabs", role: "group", "aria-label": "What to learn from" }, this.kinds),
      el("label", { class: "field", htmlFor: "train-name" }, "Name of the model ", el("span", { class: "hint", id: "train-name-hint" }, "small letters, digits, hyphens and underscores")),
      this.name, this.nameError,
      Object.values(this.data).map(({ element }) => element),
      el("details", {}, el("summary", {}, "Options"), el("label", { class: "field" }, "When it is trained", this.outcome)),
      el("div", { class: "start" }, this.submit, this.missing));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#start();
    });
    return this.form;
  }

  /** Called whenever the view is shown. id: of a training, from an address like #train/pictures-20261128-084500-1a2b3c. */
  async onShow(id) {
    const fill = async (panel) => {
      await recentTrainings(panel);
      if (trained() === undefined) await refreshTrained();
    };
    if (!(await isKnown(this.recent, fill, byId("train-unavailable"), this.form, () => this.onShow()))) return;
    this.data.pictures?.onShow();
    if (id && id !== this.run.state?.id) this.#reopen(decodeURIComponent(id));
  }

  /** Files from a drop or a paste anywhere in the view. */
  addFiles(files) {
    this.data[this.kind].addFiles(files);
  }

  #choose(kind) {
    this.kind = kind;
    for (const node of this.kinds) node.setAttribute("aria-pressed", String(node.dataset.kind === kind));
    for (const [name, { element }] of Object.entries(this.data)) element.hidden = name !== kind;
    this.#drawMissing();
  }

  #drawMissing() {
    if (!this.kind) return;
    const { missing, summary } = this.data[this.kind];
    this.missing.textContent = missing.length > 0 ? `Missing: ${missing.join(" ")}` : summary;
    this.submit.disabled = missing.length > 0;
    this.pool?.draw();
  }

  #reportName(fault) {
    showFault(this.name, this.nameError, fault);
  }

  #validName() {
    const name = this.name.value.trim();
    const other = (trained() ?? []).find((entry) => entry.name === name && entry.kind !== this.kind);
    const fault = !NAME.test(name) ? "Start with a small letter; then up to 39 small letters, digits, hyphens and underscores."
      : ["custom", "training", ...this.models.map((model) => model.name)].includes(name) ? `'${name}' is the name of a built-in model.`
        : other ? `'${name}' is a model of another kind.` : "";
    this.#reportName(fault);
    if (fault) this.name.focus();
    return fault ? null : name;
  }

  async #start() {
    const name = this.#validName();
    const data = this.data[this.kind];
    if (!name || data.missing.length > 0) return;
    this.results.hide();
    this.trial.hide();
    const [, , outcome] = OUTCOMES.find(([value]) => value === this.outcome.value);
    const { files, whole, batch, sent, options } = data.upload(() => newBatch(name));
    const request = { kind: this.kind, name, options: { ...outcome, ...options }, ...(whole && { whole }) };
    await this.run.start(request, files, batch, sent);
  }

  /** Train the next version of a model with what is in the boxes. */
  #again(name) {
    this.#choose("pictures");
    this.name.value = name;
    this.#start();
  }

  async #reopen(id) {
    this.results.hide();
    this.trial.hide();
    await this.run.watch(id);
  }

  /** A state of the training that is followed: its address is kept, its end shown. */
  async #trained(training) {
    const address = at`#train/${training.id}`;
    if (location.hash.startsWith("#train") && location.hash !== address) history.replaceState(null, "", address);
    if (training.phase !== "done") return;
    if (this.data[training.kind]) this.#choose(training.kind);
    this.name.value = training.name;
    this.pool?.trained();
    this.results.show(training);
    try {
      await refreshTrained();
      await recentTrainings(this.recent);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // both are there again when the view is next shown
    }
    this.#served(training);
  }

  /** Offer the live version of a training's model to try. */
  async #served(training) {
    const model = (trained() ?? []).find(({ name }) => name === training.name);
    if (!model?.live) return;
    this.trial.show(model);
    if (training.kind === "pictures") this.pool?.show(model);
  }
}

/** Fill the section. */
export const start = (section, context) => new Train(section, context);
