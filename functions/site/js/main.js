// The page starts here.
import { byId } from "./dom.js";
import { connectKey } from "./key.js";
import { current, startRouter, view } from "./router.js";
import { connectTheme } from "./theme.js";
import { filesOf } from "./files.js";

const showConnection = () => {
  byId("offline").hidden = navigator.onLine;
};

// A drop beside its target must not make the browser leave the page; it goes to the view that is shown.
addEventListener("dragover", (event) => event.preventDefault());
addEventListener("drop", async (event) => {
  if (event.defaultPrevented) return;
  event.preventDefault();
  const files = await filesOf(event.dataTransfer);
  (await view(current())).take?.(files);
});
addEventListener("paste", async (event) => {
  if (event.clipboardData.files.length === 0) return;
  event.preventDefault();
  const files = await filesOf(event.clipboardData);
  (await view(current())).take?.(files);
});
addEventListener("online", showConnection);
addEventListener("offline", showConnection);

connectTheme();
connectKey();
showConnection();
startRouter();
