// The view Batch: a folder into the drop folder, and its results as they come.
import { Refusal } from "../api.js";
import { byId, el } from "../dom.js";
import { saveText } from "../download.js";
import { acceptDrops, chosenIn } from "../files.js";
import { several } from "../format.js";
import { announce } from "../notice.js";
import { PICTURES, sampleFile } from "../samples.js";
import { Results, joinedCsv } from "./results.js";
import { emptyState, showState } from "./state.js";
import { Uploader } from "./uploader.js";
import { Watch, arrivedIn, modelsOf } from "./watch.js";

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;
const SAMPLE_TABLE = "stars.csv";

const newName = () => `page-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-")}-${crypto.randomUUID().slice(0, 4)}`;

class Batch {
  constructor() {
    this.panel = byId("batch-state");
    this.results = new Results(byId("batch-results"));
    this.batch = null;
    acceptDrops(byId("batch-drop"), (files) => this.take(files));
    for (const kind of ["files", "folder"]) {
      byId(`batch-${kind}-button`).addEventListener("click", () => byId(`batch-${kind}`).click());
      byId(`batch-${kind}`).addEventListener("change", () => this.take(chosenIn(byId(`batch-${kind}`))));
    }
    byId("batch-open").addEventListener("click", () => this.#openNamed());
    byId("batch-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#openNamed();
    });
    byId("batch-model").addEventListener("change", () => this.#samples());
    this.#rename();
    this.panel.append(emptyState());
    this.#samples();
  }

  /** Called whenever the view is shown. name: from an address like #batch/night-1. */
  shown(name) {
    const asked = name ? decodeURIComponent(name) : null;
    if (asked && asked !== this.batch?.name) {
      byId("batch-name").value = asked;
      this.#openNamed();
    }
  }

  /** A name that nobody has: nothing need be looked up in it. */
  #rename() {
    this.made = newName();
    byId("batch-name").value = this.made;
  }

  #samples() {
    const model = byId("batch-model").value;
    const names = model === "star" ? [SAMPLE_TABLE] : PICTURES[model].map(([name]) => name);
    const words = model === "star" ? "Sample table" : several(names.length, "sample picture");
    const take = async () => {
      try {
        this.take(await Promise.all(names.map(sampleFile)));
      } catch {
        this.#wrong("The sample did not load; check the connection, then try again.");
      }
    };
    byId("batch-samples").replaceChildren(el("span", {}, "Try:"), el("button", { type: "button", onclick: take }, words));
  }

  #wrong(sentence) {
    byId("error-batch").hidden = !sentence;
    byId("error-batch").textContent = sentence;
    if (sentence) byId("batch-name").setAttribute("aria-invalid", "true");
    else byId("batch-name").removeAttribute("aria-invalid");
  }

  #name() {
    const name = byId("batch-name").value.trim();
    const sound = NAME.test(name);
    this.#wrong(sound ? "" : "A name has letters, digits, dots, dashes and underscores, and no dot in front.");
    if (!sound) byId("batch-name").focus();
    return sound ? name : null;
  }

  /** Take files: [{file, path}], for the model that is chosen or the one that is given. */
  async take(files, model) {
    if (files.length === 0) {
      this.#wrong("There is no file in it.");
      return;
    }
    if (model) {
      byId("batch-model").value = model;
      this.#samples();
    }
    const name = this.#name();
    if (!name) return;
    const chosen = byId("batch-model").value;
    if (this.batch?.name !== name || this.batch.model !== chosen || !this.batch.uploader) this.#begin(name, chosen, { uploads: true });
    const { batch } = this;
    announce(`Uploading ${several(files.length, "file")}`);
    try {
      const known = batch.looked || name === this.made;
      const arrived = known ? new Map() : await arrivedIn(name, chosen, batch.stopping.signal);
      batch.looked = true;
      if (batch === this.batch) batch.uploader.add(files, arrived);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      batch.error = error;
      this.#draw();
      return;
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
      onError: (error) => {
        batch.error = error;
        this.#draw();
      },
      settled: () => !batch.uploader || batch.uploader.totals.done + batch.uploader.totals.failed === batch.uploader.totals.files,
    });
    this.results.open(name, model);
    history.replaceState(null, "", `#batch/${encodeURIComponent(name)}`);
  }

  /** Ask for counts once there is something to count. */
  #uploaded(batch) {
    if (batch !== this.batch) return;
    if (batch.uploader.totals.done > 0) batch.watch.start();
    this.#draw();
  }

  #counted(batch, counts) {
    const changed = JSON.stringify(counts) !== JSON.stringify(batch.counts);
    Object.assign(batch, { counts, error: undefined });
    this.#draw();
    if (!changed) return;
    this.results.refresh();
    if (counts.waiting === 0) announce(`${several(counts.done, "file")} done, ${counts.failed} failed`);
  }

  async #openNamed() {
    const name = this.#name();
    if (!name) return;
    try {
      const models = await modelsOf(name);
      const chosen = byId("batch-model").value;
      const model = models.includes(chosen) ? chosen : models[0];
      byId("batch-model").value = model;
      this.#samples();
      this.#begin(name, model, { uploads: false });
      this.batch.watch.start();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#wrong(error.status === 404 ? "There is no batch of this name. Drop files to begin one." : `${error.title}. ${error.advice ?? ""}`);
    }
  }

  #draw() {
    if (this.drawn) return;
    this.drawn = true;
    requestAnimationFrame(() => {
      this.drawn = false;
      const { batch } = this;
      if (!batch) return;
      showState(this.panel, batch, {
        stop: () => batch.uploader.stop(),
        retry: () => {
          batch.uploader.retry();
        },
        again: () => {
          batch.error = undefined;
          batch.watch.start();
          this.#draw();
        },
        fresh: () => this.#fresh(),
        csv: () => this.#csv(batch),
      });
    });
  }

  async #csv(batch) {
    try {
      batch.csv = "Fetching…";
      this.#draw();
      const parts = await joinedCsv(batch.name, batch.model, (pages) => {
        batch.csv = `Fetching page ${pages + 1}…`;
        this.#draw();
      });
      saveText(`${batch.name}.csv`, parts, "text/csv;charset=utf-8");
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      batch.error = error;
    }
    batch.csv = undefined;
    this.#draw();
  }

  #fresh() {
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
export const start = () => new Batch();
