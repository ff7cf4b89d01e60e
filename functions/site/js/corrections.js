// "Was this right?": pictures with the class that they should have had, collected for a training set.
import { button, byId, el } from "./dom.js";
import { Examples } from "./examples.js";
import { plural } from "./format.js";

/** The corrections of this browser: records {id, label, name, file, model, predicted}. */
export const corrections = new Examples("corrections");

/** Show in the header how many there are. */
export function connectCorrections() {
  const link = byId("corrections");
  corrections.onChange(() => {
    link.hidden = corrections.size === 0;
    link.textContent = plural(corrections.size, "correction");
  });
  corrections.load();
}

/**
 * The question below an answer. picture: {file, path}; it remembers what was said, for the next drawing. model: the name of
 * the model that answered; predicted: its class; labels: its classes.
 */
export function wasThisRight(picture, { model, predicted, labels }) {
  const holder = el("div", { class: "feedback" });
  const refocus = () => holder.querySelector("button, input")?.focus();
  const keep = (text) => {
    const label = text.replace(/[/\\]/g, "-").slice(0, 60); // as the name of a folder
    picture.feedback = { id: crypto.randomUUID(), label };
    corrections.put([{ ...picture.feedback, name: picture.path.split("/").pop(), file: picture.file, model, predicted }]);
    draw();
    refocus();
  };
  const undo = () => {
    corrections.remove([picture.feedback.id]);
    picture.feedback = undefined;
    draw();
    refocus();
  };
  const ask = () => {
    const list = el("datalist", { id: `labels-${crypto.randomUUID()}` }, labels.map((label) => el("option", { value: label })));
    const input = el("input", { "aria-label": `Right class of ${picture.path}`, placeholder: "Right class", autocomplete: "off", maxLength: 60 });
    input.setAttribute("list", list.id);
    const use = () => input.value.trim() && keep(input.value.trim());
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") use();
      else if (event.key === "Escape") draw();
      else return;
      event.preventDefault();
    });
    holder.replaceChildren(input, list, button("Keep", use));
    input.focus();
  };
  const draw = () => {
    if (picture.feedback) {
      holder.replaceChildren(el("span", { class: "hint" }, "Kept as ", el("b", {}, picture.feedback.label)), button("Undo", undo, { class: "quiet", "aria-label": `Undo for ${picture.path}` }));
      return;
    }
    holder.replaceChildren(el("span", { class: "hint" }, "Was this right?"),
      button("Yes", () => keep(predicted), { "aria-label": `${picture.path} is ${predicted}` }),
      button("No", ask, { "aria-label": `${picture.path} is not ${predicted}` }));
  };
  draw();
  return holder;
}
