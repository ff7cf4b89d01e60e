// The API key: asked for where the stage needs one, kept for this tab only.
import { byId } from "./dom.js";

const NAME = "skysort-api-key";
let inMemory = "";
let asking = null;

/** The key of this tab; empty where there is none. */
export function key() {
  try {
    return sessionStorage.getItem(NAME) ?? inMemory;
  } catch {
    return inMemory;
  }
}

function keep(value) {
  inMemory = value;
  try {
    if (value) sessionStorage.setItem(NAME, value);
    else sessionStorage.removeItem(NAME);
  } catch {
    // Without storage the key lives as long as the page.
  }
  byId("key-button").hidden = !value;
}

/** Ask for a key, once for all who wait; resolves to whether there is a new one. why: a sentence. */
export function askForKey(why) {
  asking ??= new Promise((resolve) => {
    const dialog = byId("key-dialog");
    const input = byId("key-input");
    if (why) byId("key-why").textContent = why;
    input.value = "";
    dialog.returnValue = "";
    const closed = () => {
      dialog.removeEventListener("close", closed);
      asking = null;
      const given = dialog.returnValue === "use" ? input.value.trim() : "";
      input.value = "";
      if (given) keep(given);
      resolve(Boolean(given));
    };
    dialog.addEventListener("close", closed);
    dialog.showModal();
    input.focus();
  });
  return asking;
}

/** Connect the dialog and the button in the header. */
export function connectKey() {
  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    byId("key-dialog").close("use");
  });
  byId("key-cancel").addEventListener("click", () => byId("key-dialog").close(""));
  byId("key-forget").addEventListener("click", () => {
    keep("");
    byId("key-dialog").close("");
  });
  byId("key-button").addEventListener("click", () => askForKey());
  byId("key-button").hidden = !key();
}
