// The picture itself, at once, with room for its heat map over it.
import { el } from "../dom.js";

const ending = (name) => (name.includes(".") ? name.split(".").pop().toUpperCase() : "FILE");

/** A frame as large as the picture in it; formats that browsers do not show get their name instead. */
export function previewOf(picture) {
  const image = el("img", { class: "preview", alt: "", src: picture.url, decoding: "async" });
  const frame = el("span", { class: "frame" }, image);
  const sight = el("div", { class: "sight" }, frame);
  image.addEventListener("load", () => {
    frame.style.setProperty("--ratio", image.naturalWidth / image.naturalHeight);
  });
  image.addEventListener("error", () => {
    frame.replaceWith(el("p", { class: "no-preview" }, el("b", {}, ending(picture.path)), "no preview in a browser"));
  });
  return { sight, frame };
}

/** Lay a heat map over the part of the picture that it covers. explanation: as the API answers it. */
export function heatOver({ heat_map: source, window, label }) {
  const share = (value) => `${value * 100}%`;
  const place = {
    left: share(window.left),
    top: share(window.upper),
    width: share(window.right - window.left),
    height: share(window.lower - window.upper),
  };
  return el("img", { class: "heat", src: source, alt: `Heat map: where ${label} was seen`, style: place });
}
