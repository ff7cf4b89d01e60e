// Which view is shown: the part of the address after #. A view's module is fetched when it is first seen.
import { byId } from "./dom.js";
import { problemBox } from "./notice.js";

const VIEWS = {
  galaxy: () => import("./pictures/view.js"),
  image: () => import("./pictures/view.js"),
  star: () => import("./star/view.js"),
  batch: () => import("./batch/view.js"),
  models: () => import("./models/view.js"),
};
const TITLES = { galaxy: "Galaxy", image: "Photograph", star: "Star", batch: "Batch", models: "Models" };
const FIRST = "galaxy";
const started = new Map();
let shown = null;

/** The views' names in the order of the navigation. */
export const names = Object.keys(VIEWS);

/** The name of the view that is shown. */
export const current = () => shown;

/** What a view's module gave when it started; see each view's `start`, which also gets this function. */
export function view(name) {
  if (!started.has(name)) {
    const starting = VIEWS[name]().then((module) => module.start(byId(`view-${name}`), name, view));
    starting.catch(() => started.delete(name));
    started.set(name, starting);
  }
  return started.get(name);
}

async function show({ focus }) {
  const [asked, detail] = location.hash.slice(1).split("/");
  const name = asked in VIEWS ? asked : FIRST;
  const changed = name !== shown;
  shown = name;
  for (const other of names) byId(`view-${other}`).hidden = other !== name;
  for (const link of byId("views").children) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${TITLES[name]} · skysort`;
  if (changed && focus) {
    byId("main").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  const section = byId(`view-${name}`);
  // On a slow network what does not work yet takes no input either.
  if (!started.has(name)) section.inert = true;
  try {
    const running = await view(name);
    section.inert = false;
    section.dataset.ready = "";
    running?.shown?.(detail);
    section.querySelector(":scope > .problem")?.remove();
  } catch {
    section.inert = false;
    if (section.querySelector(":scope > .problem")) return;
    const again = { title: "This part of the page did not load", detail: "", advice: "Check the connection, then reload." };
    section.append(problemBox(again));
  }
}

/** Show the view of the address, now and whenever it changes. */
export function startRouter() {
  addEventListener("hashchange", () => show({ focus: true }));
  return show({ focus: false });
}
