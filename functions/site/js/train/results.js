// What a training resulted in: whether its version is live and why, and its card.
import { ApiError, call, post } from "../api.js";
import { button, el, put } from "../dom.js";
import { saveJson } from "../download.js";
import { problemBox } from "../widgets.js";
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
    this.panel.replaceChildren(el("p", { class: "empty" }, "Loading the results…"));
    try {
      const card = await call(`/v1/models/${encodeURIComponent(training.name)}/versions/${training.version}`);
      if (training !== this.training) return;
      this.card = card;
      this.#draw();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.panel.replaceChildren(problemBox(error, button("Try again", () => this.show(training))));
    }
  }

  hide() {
    this.training = null;
    this.panel.hidden = true;
  }

  async #promote() {
    const { name, version } = this.training;
    try {
      await post(`/v1/models/${encodeURIComponent(name)}/promote`, { version, force: true });
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
      el("div", { class: "model-head" }, el("h2", {}, "Results"), el("p", { class: "hint" }, "version ", el("code", {}, short(training.version)))),
      this.#state(),
      this.problem && problemBox(this.problem),
      el("div", { class: "model" }, trainedCard(card, training.kind, training.name)),
      el("p", { class: "row" }, button("Card as JSON", () => saveJson(`${training.name}-${short(training.version)}.json`, card))));
  }
}
