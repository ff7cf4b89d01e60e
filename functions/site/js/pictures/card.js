// A picture in the gallery: preview at once, then its answer or what went wrong.
import { bars } from "../bars.js";
import { el } from "../dom.js";
import { bytes, milliseconds, percent, setInWords } from "../format.js";
import { problemBox, warningList } from "../notice.js";
import { heatOver, needsView, previewOf, showView } from "./preview.js";

const WAITING = { waiting: "Waiting", working: "Looking at it", sending: "Large: sent by way of the drop folder" };

/** The card of one picture. actions: {retry, remove, heat, batch, view}, each called with the picture. */
export class Card {
  constructor(picture, actions) {
    this.picture = picture;
    this.actions = actions;
    const { sight, frame } = previewOf(picture, () => {
      picture.unshown = true;
      actions.view(picture);
    });
    this.sight = sight;
    this.frame = frame;
    this.body = el("div", { class: "card-body" });
    const away = { type: "button", class: "away", "aria-label": `Remove ${picture.path}`, onclick: () => actions.remove(picture) };
    sight.append(el("button", away, "×"));
    this.element = el("li", { class: "card" }, sight, this.body);
    this.show();
  }

  /** Show the picture's state as it is now. */
  show() {
    const { state } = this.picture;
    this.element.classList.toggle("is-working", state === "working" || state === "sending");
    this.element.dataset.state = state;
    this.element.setAttribute("aria-busy", String(state in WAITING));
    const shows = { done: () => this.#answer(), failed: () => this.#failure() };
    this.body.replaceChildren(...(shows[state] ?? (() => this.#pending()))());
    const explanation = this.picture.answer?.result.explanation;
    if (this.picture.unshown && explanation) showView(this, explanation);
    this.#showHeat();
  }

  /** Tell how much of a large file was sent. */
  progress(sent) {
    const bar = this.body.querySelector("progress");
    if (bar) bar.value = sent;
    else this.show();
  }

  #pending() {
    const { state, file } = this.picture;
    const sending = state === "sending" && el("progress", { max: file.size, value: 0, "aria-label": "Sent" });
    return [el("p", { class: "pending" }, WAITING[state]), sending, this.#foot()].filter(Boolean);
  }

  #answer() {
    const { result, restricted } = this.picture.answer;
    const [best] = result.predictions;
    const [sure, what] = setInWords(result.prediction_set, restricted);
    return [
      el("p", { class: "verdict" }, el("span", {}, best.label), el("span", { class: "chance" }, percent(best.probability))),
      bars(result.predictions),
      el("p", { class: "set" }, sure, el("b", {}, what)),
      warningList(result.warnings),
      this.#foot(this.#heatButton()),
    ].filter(Boolean);
  }

  #failure() {
    const { error } = this.picture;
    const again = el("button", { type: "button", onclick: () => this.actions.retry(this.picture) }, "Try again");
    const batch = el("button", { type: "button", onclick: () => this.actions.batch(this.picture) }, "Open in Batch");
    const offered = [error.type === "archive" && batch, error.passing && again].filter(Boolean);
    return [problemBox(error, ...offered), this.#foot()];
  }

  #foot(button) {
    const { path, file, answer, state } = this.picture;
    const took = answer && state === "done" ? (answer.result.cached ? "from the cache" : milliseconds(answer.time)) : bytes(file.size);
    return el("div", { class: "card-foot" }, el("span", { class: "name", title: path }, path), button ?? "", el("span", { class: "num" }, took));
  }

  #heatButton() {
    const { heat, path } = this.picture;
    if (this.picture.unshown && !this.picture.answer.result.explanation) return undefined; // nothing to lay it over
    const label = `Heat map of ${path}`;
    const pressed = { type: "button", "aria-pressed": String(Boolean(heat)), "aria-label": label };
    return el("button", { ...pressed, onclick: () => this.actions.heat(this.picture) }, "Heat map");
  }

  #showHeat() {
    this.frame.querySelector(".heat")?.remove();
    const explanation = this.picture.answer?.result.explanation;
    if (this.picture.heat && explanation && this.picture.state === "done") this.frame.append(heatOver(explanation, this.picture.unshown));
  }
}
