// A picture in the gallery: its preview at once, then its answer or what went wrong.
import { button, el, put } from "../dom.js";
import { bytes, milliseconds } from "../format.js";
import { wasThisRight } from "../corrections.js";
import { verdict } from "../typicality.js";
import { bars, failure, problemBox, warningList } from "../widgets.js";

const WAITING = { waiting: "Waiting", working: "Classifying…", sending: "Large file: uploading to the drop folder" };
// What most browsers cannot show: the answer brings the model's view of it instead.
const NO_PREVIEW = /\.(hei[cf]|hif|fits?|fts|tiff?)(\.(gz|fz))?$/i;

const extension = (name) => (name.includes(".") ? name.split(".").pop().toUpperCase() : "FILE");

/** Whether a picture's preview has to come with its answer. */
export const needsView = ({ path, unshown }) => Boolean(unshown) || NO_PREVIEW.test(path);

/** The training pictures most like this one; undefined without any. nearest: as in the answer's explanation. */
function nearestPictures(nearest) {
  if (!nearest?.length) return undefined;
  return el("figure", { class: "nearest" }, el("figcaption", {}, "Nearest training pictures"),
    el("ul", {}, nearest.map(({ file, label, similarity, thumbnail }) =>
      el("li", {}, el("img", { src: thumbnail, alt: file ?? "", title: file, width: 56, height: 56 }), el("span", {}, label), el("span", { class: "num hint" }, similarity.toFixed(2))))));
}

/** The card of one picture. actions: {retry, remove, heat, batch, view, api}, each called with the picture. */
export class Card {
  constructor(picture, actions) {
    this.picture = picture;
    this.actions = actions;
    this.image = el("img", { class: "preview", alt: "", src: picture.url, decoding: "async" });
    this.frame = el("span", { class: "frame" }, this.image);
    const remove = button("×", () => actions.remove(picture), { class: "remove", "aria-label": `Remove ${picture.path}` });
    this.thumbnail = el("div", { class: "thumbnail" }, this.frame, remove);
    this.body = el("div", { class: "card-body" });
    this.element = el("li", { class: "card" }, this.thumbnail, this.body);
    this.image.addEventListener("load", () => this.frame.style.setProperty("--ratio", this.image.naturalWidth / this.image.naturalHeight));
    this.image.addEventListener("error", () => this.#hidePreview(), { once: true });
    this.show();
  }

  /** Show the picture's current state. */
  show() {
    const { state, answer, unshown } = this.picture;
    this.element.classList.toggle("is-working", state === "working" || state === "sending");
    this.element.dataset.state = state;
    this.element.setAttribute("aria-busy", String(state in WAITING));
    const content = state === "done" ? this.#answer() : state === "failed" ? this.#failure() : this.#pending();
    put(this.body, content);
    const explanation = answer?.result.explanation;
    if (unshown && explanation) this.#showView(explanation);
    this.#showHeat(explanation);
  }

  /** Show how many bytes of a large file are sent. */
  progress(sent) {
    const bar = this.body.querySelector("progress");
    if (bar) bar.value = sent;
    else this.show();
  }

  /** The browser cannot show the picture: its format is named instead until the model's view of it comes. */
  #hidePreview() {
    this.frame.replaceWith(el("p", { class: "no-preview" }, el("b", {}, extension(this.picture.path)), "no preview"));
    this.picture.unshown = true;
    this.actions.view(this.picture);
  }

  #showView({ view }) {
    if (this.frame.isConnected) return;
    this.image.src = view;
    this.thumbnail.querySelector(".no-preview")?.replaceWith(this.frame, el("span", { class: "as-seen" }, "as the model sees it"));
  }

  #pending() {
    const { state, file } = this.picture;
    const sending = state === "sending" && el("progress", { max: file.size, value: 0, "aria-label": "Sent" });
    return [el("p", { class: "pending" }, WAITING[state]), sending, this.#foot()];
  }

  #answer() {
    const { result, restricted } = this.picture.answer;
    const [best] = result.predictions;
    return [
      ...verdict(result, "picture", { restricted }),
      bars(result.predictions),
      warningList(result.warnings),
      nearestPictures(result.explanation?.nearest),
      this.#feedback(best.label),
      this.#foot(this.#heatButton(), button("API", () => this.actions.api(this.picture), { class: "quiet", "aria-label": `Use via API: ${this.picture.path}` })),
    ];
  }

  #feedback(predicted) {
    const { model, labels } = this.picture.answer;
    return wasThisRight(this.picture, { model: model.name, predicted, labels });
  }

  #failure() {
    const { error } = this.picture;
    const { batch, retry } = this.actions;
    const box = error.type === "archive" ? problemBox(error, button("Open in Batch", () => batch(this.picture))) : failure(error, () => retry(this.picture));
    return [box, this.#foot()];
  }

  #foot(...actions) {
    const { path, file, answer, state } = this.picture;
    const size = answer && state === "done" ? (answer.result.cached ? "from the cache" : milliseconds(answer.time)) : bytes(file.size);
    return el("div", { class: "card-foot" }, el("span", { class: "name", title: path }, path), actions, el("span", { class: "num" }, size));
  }

  #heatButton() {
    const { heat, path, unshown, answer } = this.picture;
    if (unshown && !answer.result.explanation) return undefined; // nothing to lay it over
    return button("Heat map", () => this.actions.heat(this.picture), { "aria-pressed": String(Boolean(heat)), "aria-label": `Heat map of ${path}` });
  }

  /** Lay the heat map over the part of the picture that it covers, or over all of the model's view. */
  #showHeat(explanation) {
    const { heat, state, unshown } = this.picture;
    this.frame.querySelector(".heat")?.remove();
    if (!heat || !explanation || state !== "done") return;
    const share = (value) => `${value * 100}%`;
    const { left, upper, right, lower } = unshown ? { left: 0, upper: 0, right: 1, lower: 1 } : explanation.window;
    const style = { left: share(left), top: share(upper), width: share(right - left), height: share(lower - upper) };
    this.frame.append(el("img", { class: "heat", src: explanation.heat_map, alt: `Heat map: what the model looked at for ${explanation.label}`, style }));
  }
}
