// The page starts here.
import { byId } from "./dom.js";
import { connectCorrections } from "./corrections.js";
import { filesOf } from "./files.js";
import { connectKey } from "./key.js";
import { current, startRouter, view } from "./router.js";
import { keep } from "./storage.js";

const showConnection = () => {
  byId("offline").hidden = navigator.onLine;
};

/** Connect the colour switch: as the system has it, light, dark, or red for dark-adapted eyes. first.js applies the choice before the first paint. */
function connectTheme() {
  const select = byId("theme");
  select.value = document.documentElement.dataset.theme || "auto";
  select.addEventListener("change", () => {
    document.documentElement.dataset.theme = select.value;
    keep("localStorage", "skysort-theme", select.value);
  });
}

/** Give the files of a drop or a paste to the view that is shown. */
async function giveFiles(transfer) {
  const files = await filesOf(transfer);
  if (current()) (await view(current())).addFiles?.(files);
}

// A drop beside its target must not make the browser leave the page.
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  giveFiles(event.dataTransfer);
});
addEventListener("paste", (event) => {
  if (event.clipboardData.files.length === 0) return;
  event.preventDefault();
  giveFiles(event.clipboardData);
});
addEventListener("online", showConnection);
addEventListener("offline", showConnection);

connectTheme();
connectKey();
connectCorrections();
showConnection();
startRouter();
