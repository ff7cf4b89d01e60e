// The API key: asked for if the stage requires one, kept for this tab only.
import { byId } from "./dom.js";
import { keep, recall } from "./storage.js";

const NAME = "skysort-api-key";
let inMemory = "";
let asking = null;

/** The key of this tab; empty if there is none. */
export const key = () => recall("sessionStorage", NAME) ?? inMemory;

function store(value) {
  inMemory = value; // without storage it lasts as long as the page
  keep("sessionStorage", NAME, value);
  byId("key-button").hidden = !value;
}

/** Ask for a key, once for all pending calls; resolves to whether a new one was entered. why: a sentence. */
export function askForKey(why) {
  asking ??= new Promise((resolve) => {
    const dialog = byId("key-dialog");
    const input = byId("key-input");
    if (why) byId("key-why").textContent = why;
    input.value = "";
    dialog.returnValue = "";
    const onClose = () => {
      dialog.removeEventListener("close", onClose);
      asking = null;
      const entered = dialog.returnValue === "use" ? input.value.trim() : "";
      input.value = "";
      if (entered) store(entered);
      resolve(Boolean(entered));
    };
    dialog.addEventListener("close", onClose);
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
    store("");
    byId("key-dialog").close("");
  });
  byId("key-button").addEventListener("click", () => askForKey());
  byId("key-button").hidden = !key();
}
