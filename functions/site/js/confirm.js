// A question before something is lost.
import { el } from "./dom.js";

/** Ask in a dialog; resolves to whether the action was chosen. */
export function confirmed(title, text, action) {
  return new Promise((resolve) => {
    const dialog = el(
      "dialog",
      { "aria-labelledby": "confirm-title" },
      el("form", { method: "dialog" },
        el("h2", { id: "confirm-title" }, title),
        el("p", {}, text),
        el("p", { class: "row end" },
          el("button", { type: "submit", value: "no" }, "Cancel"),
          el("button", { type: "submit", class: "main", value: "yes" }, action))),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
