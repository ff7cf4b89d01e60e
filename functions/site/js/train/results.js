// What a training resulted in: whether its version is live and why, and its card.
import { ApiError, at, call, post } from "../api.js";
import { button, el, put } from "../dom.js";
import { hint, load, problemBox } from "../widgets.js";
import { trainedCard } from "../models/trained-card.js";
import { refreshTrained, short } from "../trained.js";

/** Shows a finished training in a panel. onPromoted(): its version was made live. */
export class Results {
  constructor(panel, { onPromoted }) {
    this.panel = panel;
    this.onPromoted = onPromoted;
  }

  /** Load the card of a training's version and show both. */
  async show(training) {
    this.training = training;
    this.problem = null;
    this.panel.hidden = false;
    put(this.panel);
    await load(this.panel, "Loading the results…", () => call(at`/v1/models/${training.name}/versions/${training.version}`), (card) => {
      if (training !== this.training) return;
      this.card = card;
      this.#draw();
    });
  }

  hide() {
    this.training = null;
    this.panel.hidden = true;
  }

  async #promote() {
    const { name, version } = this.training;
    try {
      await post(at`/v1/models/${name}/promote`, { version, force: true });
      this.training.promoted = true;
      this.problem = null;
      this.forced = version;
      await refreshTrained();
      this.onPromoted();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem = error;
    }
    this.#draw();
  }

  #state() {
    const { promoted, comparison, version } = this.training;
    const verdict = promoted ? (this.forced === version ? "Live, by your decision." : "Live.") : "Not live.";
    return el("div", { class: promoted ? "verdict-line is-good" : "verdict-line is-bad" },
      el("p", { role: "status" }, el("b", {}, verdict), comparison?.sentence && ` ${comparison.sentence}`),
      !promoted && button("Promote anyway", () => this.#promote(), { class: "main" }));
  }

  #draw() {
    const { training, card } = this;
    put(this.panel,
      el("div", { class: "model-head" }, el("h2", {}, "Results"), hint("version ", el("code", {}, short(training.version)))),
      this.#state(),
      this.problem && problemBox(this.problem),
      el("div", { class: "model" }, trainedCard(card, training.kind, training.name, training.version)));
  }
}
