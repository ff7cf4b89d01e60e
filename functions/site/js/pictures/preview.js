// The picture itself, at once, with room for its heat map over it.
import { el } from "../dom.js";

const ending = (name) => (name.includes(".") ? name.split(".").pop().toUpperCase() : "FILE");
// What most browsers cannot show: the answer brings what the model was given instead.
const UNSHOWN = /\.(hei[cf]|hif|fits?|fts|tiff?)(\.(gz|fz))?$/i;

/** Whether a picture's preview has to come with its answer. */
export const needsView = ({ path, unshown }) => Boolean(unshown) || UNSHOWN.test(path);

/** A frame as large as the picture in it. onUnshown: told when the browser cannot show it; its name stands there then. */
export function previewOf(picture, onUnshown) {
  const image = el("img", { class: "preview", alt: "", src: picture.url, decoding: "async" });
  const frame = el("span", { class: "frame" }, image);
  const sight = el("div", { class: "sight" }, frame);
  image.addEventListener("load", () => frame.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight));
  image.addEventListener("error", () => {
    frame.replaceWith(el("p", { class: "no-preview" }, el("b", {}, ending(picture.path)), "its preview comes with the answer"));
    onUnshown();
  }, { once: true });
  return { sight, frame };
}

/** Show what the model was given in place of a picture that the browser cannot show. explanation: as the API answers it. */
export function showView({ sight, frame }, { view }) {
  if (frame.isConnected) return;
  frame.querySelector(".preview").src = view;
  sight.querySelector(".no-preview")?.replaceWith(frame, el("span", { class: "as-seen" }, "as the model sees it"));
}

/** Lay a heat map over the part of the picture that it covers, or over all of a view. explanation: as the API answers it. */
export function heatOver({ heat_map: source, window, label }, isView) {
  const share = (value) => `${value * 100}%`;
  const { left, upper, right, lower } = isView ? { left: 0, upper: 0, right: 1, lower: 1 } : window;
  const place = { left: share(left), top: share(upper), width: share(right - left), height: share(lower - upper) };
  return el("img", { class: "heat", src: source, alt: `Heat map: where ${label} was seen`, style: place });
}
