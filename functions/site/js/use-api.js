// "Use via API": the call that gave an answer, as code to be copied.
import { button, el } from "./dom.js";
import { key } from "./key.js";
import { snippets } from "./snippets.js";
import { announce } from "./widgets.js";

/** Show a call as code. call: as in snippets.js; url: of the API, with its query. */
export function useViaApi({ url, ...call }) {
  const { origin, pathname, searchParams } = new URL(url, location.href);
  const codes = snippets({ method: "POST", ...call, url: `${origin}${pathname}`, query: Object.fromEntries(searchParams), keyed: Boolean(key()) });
  const block = el("pre", { tabIndex: 0 });
  const language = el("select", { autofocus: true }, Object.keys(codes).map((name) => el("option", {}, name)));
  const show = () => (block.textContent = codes[language.value]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(block.textContent);
      announce("Copied.");
      copied.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block); // no permission: ready for the visitor's own Ctrl-C
    }
  };
  const copied = button("Copy (C)", copy, { class: "main" });
  const dialog = el("dialog", { class: "code", "aria-labelledby": "use-api-title" },
    el("h2", { id: "use-api-title" }, "Use via API"),
    el("p", { class: "row" }, el("label", {}, "Language ", language), copied),
    block,
    el("p", { class: "hint" }, "Every call: ", el("a", { href: "/docs" }, "documentation")),
    el("p", { class: "row end" }, button("Close", () => dialog.close())));
  language.addEventListener("change", show);
  dialog.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "c" || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault(); // else the list of languages would look for a name with C
    copy();
  });
  dialog.addEventListener("close", () => dialog.remove());
  show();
  document.body.append(dialog);
  dialog.showModal();
}
