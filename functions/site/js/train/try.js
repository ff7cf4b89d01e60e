// Try it: the live version of a trained model, asked on the spot.
import { el } from "../dom.js";
import { acceptDrops } from "../files.js";
import { asEntry } from "../trained-choice.js";

/** The panel: a gallery of its own for pictures, a link to the view for tables. */
export class TryIt {
  constructor(panel, { models, view }) {
    Object.assign(this, { panel, models, view });
    acceptDrops(panel, (files) => this.gallery?.addFiles(files));
  }

  hide() {
    this.panel.hidden = true;
  }

  /** Offer a trained model, an entry of GET /v1/trained. */
  async show(entry) {
    this.panel.hidden = false;
    if (entry.kind !== "pictures") {
      const model = this.models.find(({ input }) => input === "rows");
      this.panel.replaceChildren(el("h2", {}, "Try it"), el("p", {}, el("a", { href: `#${model.name}/${encodeURIComponent(entry.name)}` }, `Classify objects with ${entry.name}`)));
      return;
    }
    if (this.entry?.name === entry.name) {
      this.gallery?.setModel(this.#model(entry));
      return;
    }
    this.entry = entry;
    const { start } = await import("../pictures/view.js");
    if (this.entry !== entry) return;
    this.panel.replaceChildren(el("h2", {}, "Try it"), el("p", { class: "hint" }, `Drop a picture: ${entry.name} answers, with what it looked at and the training pictures nearest to it.`));
    this.gallery = start(this.panel, { model: this.#model(entry), models: this.models, view: this.view, owner: "try" });
  }

  #model(entry) {
    return asEntry(entry, this.models.find(({ input }) => input === "pictures"));
  }
}
