// The class boxes: a name, pictures, and ways to put more in.
import { button, el } from "../dom.js";
import { acceptDrops, chooser } from "../files.js";
import { count, plural } from "../format.js";
import { confirmed } from "../confirm.js";
import { showFault } from "../widgets.js";
import { takePictures } from "./camera.js";
import { LIMITS } from "./dataset.js";

const SHOWN = 24; // thumbnails of a box before "Show all": each is a whole picture to decode

/** A small picture with a button that removes it. */
export function thumbnail({ url, name }, remove) {
  const image = el("img", { src: url, alt: name, title: name, loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith(el("span", { class: "no-thumbnail", title: name }, name.split(".").pop().toUpperCase())), { once: true });
  return el("li", { class: "small-picture" }, image, remove && button("×", remove, { class: "remove", "aria-label": `Remove ${name}` }));
}

/** Draws a Dataset's classes. accept: for the file inputs; add(label, files): takes files [{file, path}] for a class. */
export class Boxes {
  constructor(holder, dataset, { accept, add }) {
    Object.assign(this, { holder, dataset, accept, add });
    this.open = new Set(); // classes of which every picture is shown
    this.boxes = new Map();
    this.active = null; // the class that a pasted picture goes into
  }

  /** The class that pictures without one go into: the one last used. */
  get target() {
    return this.dataset.classes.includes(this.active) ? this.active : this.dataset.classes[0];
  }

  draw() {
    const { classes } = this.dataset;
    for (const [entry, box] of this.boxes) {
      if (classes.includes(entry)) continue;
      box.element.remove();
      this.boxes.delete(entry);
    }
    classes.forEach((entry, index) => {
      if (!this.boxes.has(entry)) this.boxes.set(entry, this.#box(entry));
      const { element } = this.boxes.get(entry);
      if (this.holder.children[index] !== element) this.holder.insertBefore(element, this.holder.children[index] ?? null);
      this.#fill(entry);
    });
  }

  /** Set the focus on the name of a class, to write over it. */
  edit(entry) {
    this.boxes.get(entry)?.input.select();
  }

  #box(entry) {
    const input = el("input", { value: entry.name, maxLength: LIMITS.label, autocomplete: "off", spellcheck: false, "aria-label": "Class" });
    const fault = el("p", { class: "wrong", hidden: true });
    const number = el("p", { class: "hint num" });
    const pictures = el("ul", { class: "small-pictures" });
    const add = (found) => this.add(entry.name, found);
    const choose = chooser("Choose pictures", add, { multiple: true, accept: this.accept });
    const [, camera] = chooser("", add, { accept: "image/*", capture: "environment" });
    const shoot = button("Camera", () => takePictures(entry.name, add, () => camera.click()));
    input.addEventListener("change", () => {
      showFault(input, fault, this.dataset.rename(entry, input.value.trim()));
    });
    const remove = button("×", () => this.#remove(entry), { class: "quiet close" });
    const element = el("section", { class: "box drop" },
      el("div", { class: "box-head" }, input, remove), fault, number, pictures, el("p", { class: "row" }, choose, shoot, camera));
    element.addEventListener("focusin", () => this.#activate(entry));
    element.addEventListener("pointerdown", () => this.#activate(entry));
    acceptDrops(element, (found) => {
      this.#activate(entry);
      add(found);
    });
    return { element, input, number, pictures, remove };
  }

  #activate(entry) {
    this.active = entry;
    for (const [other, { element }] of this.boxes) element.classList.toggle("is-active", other === entry);
  }

  #fill(entry) {
    const { element, input, number, pictures, remove } = this.boxes.get(entry);
    if (document.activeElement !== input) input.value = entry.name;
    element.setAttribute("aria-label", `Class ${entry.name}`);
    remove.setAttribute("aria-label", `Remove the class ${entry.name}`);
    const more = LIMITS.perClass - entry.pictures.length;
    number.textContent = entry.pictures.length === 0 ? "Drop pictures here" : `${plural(entry.pictures.length, "picture")}${more > 0 ? `, ${count(more)} more to start` : ""}`;
    const all = this.open.has(entry);
    const shown = all ? entry.pictures : entry.pictures.slice(-SHOWN);
    const rest = entry.pictures.length - shown.length;
    const known = new Map([...pictures.children].filter((item) => item.picture).map((item) => [item.picture, item]));
    const items = shown.map((picture) => known.get(picture) ?? Object.assign(thumbnail(picture, () => this.#take(picture)), { picture }));
    if (rest > 0) items.unshift(el("li", {}, button(`Show ${count(rest)} more`, () => {
      this.open.add(entry);
      this.#fill(entry);
    })));
    pictures.hidden = items.length === 0;
    pictures.setAttribute("aria-label", `Pictures of ${entry.name}`);
    pictures.replaceChildren(...items);
  }

  #take(picture) {
    const items = [...this.boxes.get(this.dataset.find(picture.label)).pictures.children];
    const at = items.findIndex((item) => item.picture === picture);
    const entry = this.dataset.find(picture.label);
    this.dataset.remove(picture);
    const { pictures, element } = this.boxes.get(entry);
    (pictures.children[Math.min(at, pictures.children.length - 1)]?.querySelector("button") ?? element.querySelector(".row button")).focus();
  }

  async #remove(entry) {
    const { name, pictures } = entry;
    if (pictures.length > 0 && !(await confirmed(`Remove the class ${name}?`, `Its ${plural(pictures.length, "picture")} will be taken out of the training set.`, "Remove"))) return;
    this.dataset.removeClass(entry);
    this.holder.querySelector("input")?.focus();
  }
}
