// The Batch view: files into the drop folder, and their results as they come.
import { ApiError, at } from "../api.js";
import { wasThisRight } from "../corrections.js";
import { byId, el } from "../dom.js";
import { newBatch, saveText } from "../download.js";
import { acceptChoice, acceptDrops } from "../files.js";
import { plural } from "../format.js";
import { sampleFile } from "../models.js";
import { addressOf, liveModels } from "../trained.js";
import { offerModels } from "../trained-choice.js";
import { announce, showFault } from "../widgets.js";
import { Results, emptyState, joinedCsv, showState } from "./panels.js";
import { Uploader } from "./uploader.js";
import { Watch, modelsOf, uploadedIn } from "./watch.js";

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

class Batch {
  constructor(models) {
    this.models = models;
    this.panel = byId("batch-state");
    this.results = new Results(byId("batch-results"));
    this.batch = null;
    this.select = byId("batch-model");
    offerModels(this.select, models);
    this.select.addEventListener("change", () => this.#samples());
    acceptDrops(byId("batch-drop"), (files) => this.addFiles(files));
    for (const kind of ["files", "folder"]) acceptChoice(byId(`batch-${kind}-button`), byId(`batch-${kind}`), (files) => this.addFiles(files));
    byId("batch-open").addEventListener("click", () => this.#openNamed());
    byId("batch-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#openNamed();
    });
    this.#rename();
    this.panel.append(emptyState());
    this.#samples();
  }

  /** Called whenever the view is shown. name: from an address like #batch/night-1. */
  onShow(name) {
    const batch = name && decodeURIComponent(name);
    if (batch && batch !== this.batch?.name) {
      byId("batch-name").value = batch;
      this.#openNamed();
    }
  }

  /** Suggest a new name, under which nothing can be uploaded yet. */
  #rename() {
    this.suggested = newBatch("page");
    byId("batch-name").value = this.suggested;
  }

  #samples() {
    const { input, samples } = this.models.find(({ name }) => name === this.select.value) ?? { samples: [] };
    const files = samples.map(({ file }) => file).filter(Boolean);
    const text = plural(files.length, input === "rows" ? "sample table" : "sample picture");
    const add = async () => {
      try {
        this.addFiles(await Promise.all(files.map(sampleFile)));
      } catch {
        this.#report("The sample failed to load; check the connection, then try again.");
      }
    };
    byId("batch-samples").hidden = files.length === 0;
    byId("batch-samples").replaceChildren(el("span", {}, "Try:"), el("button", { type: "button", onclick: add }, text));
  }

  #report(error) {
    showFault(byId("batch-name"), byId("error-batch"), error);
  }

  #name() {
    const name = byId("batch-name").value.trim();
    const isValid = NAME.test(name);
    this.#report(isValid ? "" : "Use letters, digits, dots, hyphens and underscores, with no leading dot.");
    if (!isValid) byId("batch-name").focus();
    return isValid ? name : null;
  }

  #choose(model) {
    // A batch of a model that was deleted since can still be looked at.
    if (![...this.select.options].some(({ value }) => value === model)) this.select.append(el("option", { value: model }, model));
    this.select.value = model;
    this.#samples();
  }

  /** Upload files [{file, path}] for a model, by default the one that is chosen. */
  async addFiles(files, model = this.select.value) {
    if (files.length === 0) {
      this.#report("No files found.");
      return;
    }
    this.#choose(model);
    const name = this.#name();
    if (!name) return;
    if (this.batch?.name !== name || this.batch.model !== model || !this.batch.uploader) this.#begin(name, model, { uploads: true });
    const { batch } = this;
    announce(`Uploading ${plural(files.length, "file")}`);
    try {
      const isKnown = batch.isKnown || name === this.suggested;
      const uploaded = isKnown ? new Map() : await uploadedIn(name, model, batch.stopping.signal);
      batch.isKnown = true;
      if (batch === this.batch) batch.uploader.add(files, uploaded);
    } catch (error) {
      this.#fail(batch, error);
    }
  }

  #begin(name, model, { uploads }) {
    this.batch?.watch.stop();
    this.batch?.stopping.abort();
    const batch = { name, model, stopping: new AbortController() };
    this.batch = batch;
    if (uploads) batch.uploader = new Uploader(model, name, () => this.#uploaded(batch));
    batch.watch = new Watch(name, model, {
      onCounts: (counts) => this.#counted(batch, counts),
      onError: (error) => this.#fail(batch, error),
      isSettled: () => !batch.uploader || batch.uploader.isSettled,
    });
    this.results.open(name, model, (path, predicted) => this.#feedback(batch, path, predicted));
    history.replaceState(null, "", at`#batch/${name}`);
  }

  /** "Was this right?" for a picture that was uploaded from this page; the same element whenever the table is drawn. */
  #feedback(batch, path, predicted) {
    const entry = batch.uploader?.entries.find((other) => other.path === path);
    const model = this.models.find(({ name }) => name === batch.model) ?? liveModels("pictures").find((other) => addressOf(other) === batch.model);
    if (!entry || !model) return undefined;
    entry.feedbackElement ??= wasThisRight(entry, { model: model.name, predicted, labels: model.labels });
    return entry.feedbackElement;
  }

  #fail(batch, error) {
    if (!(error instanceof ApiError)) throw error;
    batch.error = error;
    this.#draw();
  }

  /** Poll the counts once something is uploaded. */
  #uploaded(batch) {
    if (batch !== this.batch) return;
    if (batch.uploader.totals.done > 0) batch.watch.start();
    this.#draw();
  }

  #counted(batch, counts) {
    const isChanged = JSON.stringify(counts) !== JSON.stringify(batch.counts);
    Object.assign(batch, { counts, error: undefined });
    this.#draw();
    if (!isChanged) return;
    this.results.refresh();
    if (counts.waiting === 0) announce(`${plural(counts.done, "file")} done, ${counts.failed} failed`);
  }

  async #openNamed() {
    const name = this.#name();
    if (!name) return;
    try {
      const models = await modelsOf(name);
      this.#choose(models.includes(this.select.value) ? this.select.value : models[0]);
      this.#begin(name, this.select.value, { uploads: false });
      this.batch.watch.start();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#report(error.status === 404 ? "No batch has this name. Drop files to start one." : `${error.title}. ${error.advice ?? ""}`);
    }
  }

  #draw() {
    if (this.isDrawn) return;
    this.isDrawn = true;
    requestAnimationFrame(() => {
      this.isDrawn = false;
      const { batch } = this;
      if (!batch) return;
      showState(this.panel, batch, {
        stop: () => batch.uploader.stop(),
        retry: () => batch.uploader.retry(),
        again: () => {
          batch.error = undefined;
          batch.watch.start();
          this.#draw();
        },
        reset: () => this.#reset(),
        csv: () => this.#csv(batch),
      });
    });
  }

  async #csv(batch) {
    const report = (text) => {
      batch.csv = text;
      this.#draw();
    };
    try {
      report("Loading…");
      const parts = await joinedCsv(batch.name, batch.model, (pages) => report(`Loading page ${pages + 1}…`));
      saveText(`${batch.name}.csv`, parts, "text/csv;charset=utf-8");
    } catch (error) {
      this.#fail(batch, error);
    }
    report(undefined);
  }

  #reset() {
    this.batch.watch.stop();
    this.batch.stopping.abort();
    this.batch.uploader?.stop();
    this.batch = null;
    this.#rename();
    byId("batch-results").hidden = true;
    this.panel.replaceChildren(emptyState());
    history.replaceState(null, "", "#batch");
    byId("batch-name").focus();
  }
}

/** Fill the section. */
export const start = (_, { models }) => new Batch(models);
