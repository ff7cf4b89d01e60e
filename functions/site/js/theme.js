// The switch of colours: as the system has it, light, dark, or red for eyes adapted to the night.
import { byId } from "./dom.js";

const NAME = "skysort-theme";

/** Connect the switch; the choice itself is applied by first.js before the first paint. */
export function connectTheme() {
  const select = byId("theme");
  select.value = document.documentElement.dataset.theme || "auto";
  select.addEventListener("change", () => {
    document.documentElement.dataset.theme = select.value;
    try {
      localStorage.setItem(NAME, select.value);
    } catch {
      // Without storage the choice holds until the page is left.
    }
  });
}
