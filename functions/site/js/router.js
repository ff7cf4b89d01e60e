// Which view is shown: the part of the address after #. Each model has a view; a view's module is fetched when it is first shown.
import { byId, el } from "./dom.js";
import { listModels } from "./models.js";
import { refreshTrained } from "./trained.js";
import { problemBox } from "./widgets.js";

const INPUTS = { pictures: () => import("./pictures/view.js"), rows: () => import("./rows/view.js") };
const views = new Map([
  ["batch", { title: "Batch", load: () => import("./batch/view.js") }],
  ["bulk", { title: "Bulk", load: () => import("./bulk/view.js") }],
  ["train", { title: "Train", load: () => import("./train/view.js") }],
  ["models", { title: "Models", load: () => import("./models/view.js") }],
]);
let models = null;
let first = null;
let shown = null;

/** The name of the view that is shown; null until the models are known. */
export const current = () => shown;

/** Resolves to what a view's module returned when it started: start(section, {model, models, view}), view being this function. */
export function view(name) {
  const entry = views.get(name);
  entry.starting ??= entry.load().then(({ start }) => start(byId(`view-${name}`), { model: entry.model, models, view }));
  entry.starting.catch(() => {
    entry.starting = undefined;
  });
  return entry.starting;
}

function addView(model) {
  const { name, title, question, summary, input } = model;
  views.set(name, { title, model, load: INPUTS[input] });
  byId("tab-batch").before(el("a", { href: `#${name}` }, title));
  const heading = el("h1", { id: `title-${name}` }, question);
  const properties = { id: `view-${name}`, class: "view", "aria-labelledby": heading.id, hidden: true };
  byId("view-batch").before(el("section", properties, heading, el("p", { class: "lead" }, summary)));
}

/** The address after #: a view, and what to open in it. A slash in front (#/train) does no harm. */
const parts = () => location.hash.replace(/^#\/?/, "").split("/");

async function show({ focus }) {
  const [asked, detail] = parts();
  const name = views.has(asked) ? asked : first;
  for (const other of views.keys()) byId(`view-${other}`).hidden = other !== name;
  for (const link of byId("views").children) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!name) return;
  document.title = `${views.get(name).title} · skysort`;
  const section = byId(`view-${name}`);
  // What does not work yet takes no input either.
  section.inert = !views.get(name).starting;
  if (!models) return;
  if (name !== shown && focus) {
    byId("main").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  shown = name;
  section.querySelector(":scope > .problem")?.remove();
  try {
    const started = await view(name);
    section.inert = false;
    section.dataset.ready = "";
    started.onShow?.(detail);
  } catch {
    section.inert = false;
    section.append(problemBox({ title: "This view failed to load", advice: "Check the connection, then reload." }));
  }
}

/** Add a view for each model of an input that the page knows, then show the view of the address. */
async function loadModels() {
  const status = byId("status");
  status.replaceChildren(el("p", { class: "empty" }, "Loading the models…"));
  try {
    models = await listModels();
  } catch (error) {
    status.replaceChildren(problemBox(error, el("button", { type: "button", onclick: loadModels }, "Try again")));
    return;
  }
  status.remove();
  // The choices of trained models appear when they are known; where a key is needed, only once there is one.
  refreshTrained({ quiet: true }).catch(() => {});
  for (const model of models) if (model.input in INPUTS) addView(model);
  [first] = [...models.map(({ name }) => name).filter((name) => views.has(name)), "models"];
  await show({ focus: false });
}

/** Show the view of the address, now and whenever it changes. */
export function startRouter() {
  addEventListener("hashchange", () => show({ focus: true }));
  show({ focus: false });
  // Most visits start with pictures: their module is loaded while the models are.
  if (!views.has(parts()[0])) INPUTS.pictures().catch(() => {});
  return loadModels();
}
