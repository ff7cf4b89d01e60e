// The trained models: which version is live, the versions kept, and what can be done with them.
import { ApiError, at, call, post } from "../api.js";
import { confirmed } from "../confirm.js";
import { button, el, put } from "../dom.js";
import { count, plural, when } from "../format.js";
import { announce, hint, load, problemBox, scrollTable } from "../widgets.js";
import { onTrained, refreshTrained, short, trained } from "../trained.js";
import { accuracyOf, trainedCard } from "./trained-card.js";

const HOW = { first: "first version", promoted: "promoted", forced: "promoted in spite of the comparison", rolled_back: "rolled back" };

const pathOf = (name, rest = "") => `/v1/models/${encodeURIComponent(name)}${rest}`;

/** One trained model: its panel, loaded when it is opened. */
class Panel {
  constructor(entry, models) {
    this.models = models;
    this.body = el("div");
    this.title = el("h3", {}, entry.name);
    this.about = el("p", { class: "hint" });
    this.details = el("details", {}, el("summary", {}, "Versions and card"), this.body);
    this.use = el("a", { href: "#" });
    this.element = el("article", { class: "trained-model", "aria-label": entry.name }, el("div", { class: "model-head" }, this.title, this.use), this.about, this.details);
    this.details.addEventListener("toggle", () => this.details.open && this.load());
    this.update(entry);
  }

  update(entry) {
    const isNew = this.entry && (this.entry.live !== entry.live || this.entry.versions !== entry.versions);
    this.entry = entry;
    const { name, kind, live, versions, labels, accuracy } = entry;
    const facts = [kind === "star" ? "objects" : "pictures", labels && `${count(labels.length)} classes`, accuracyOf(accuracy) && `accuracy ${accuracyOf(accuracy)}`, plural(versions, "version"), live ? `live: ${short(live)}` : "no live version"];
    this.about.textContent = facts.filter(Boolean).join(" · ");
    const view = this.models.find(({ input }) => input === (kind === "star" ? "rows" : "pictures"));
    this.use.hidden = !live || !view;
    this.use.href = `#${view?.name}/${encodeURIComponent(name)}`;
    this.use.textContent = "Classify with it";
    this.use.setAttribute("aria-label", `Classify with ${name}`);
    if (isNew && this.details.open) this.load();
  }

  async load() {
    const { name } = this.entry;
    await load(this.body, "Loading the versions…", () => Promise.all([call(at`/v1/trained/${name}`), call(pathOf(name, "/versions"))]),
      ([model, { versions }]) => this.#draw(model, versions));
  }

  #draw({ card, live, history = [] }, versions) {
    const { name } = this.entry;
    const rows = versions.map((entry) => this.#row(entry));
    const [last] = history;
    const why = last && [`${HOW[last.how] ?? last.how} on ${when(last.promoted)}`, last.comparison?.sentence].filter(Boolean).join(". ");
    const canRollBack = history.filter(({ version }) => version !== live).length > 0;
    this.problem = el("div");
    this.card = el("div", { class: "model" });
    put(this.body,
      live && el("p", {}, "Live: ", el("code", {}, short(live)), why ? `, ${why}` : ""),
      this.problem,
      scrollTable(`Versions of ${name}`, ["Version", "Made", "#Accuracy", "Actions"], rows),
      el("p", { class: "row" },
        canRollBack && button("Roll back", () => this.#act(() => post(pathOf(name, "/rollback"), {}), `${name} was rolled back`)),
        button("Delete the model", () => this.#deleteModel(), { class: "quiet" })),
      this.card);
    if (card) this.#showCard(card, live);
  }

  #showCard(card, version) {
    const { name, kind } = this.entry;
    put(this.card, el("h4", {}, "Card of version ", el("code", {}, short(version))), trainedCard(card, kind, name, version));
  }

  async #open(version) {
    await load(this.card, "Loading the card…", () => call(pathOf(this.entry.name, `/versions/${version}`)), (card) => this.#showCard(card, version));
  }

  #row({ version, created, accuracy, live, training }) {
    const label = short(version);
    const actions = live ? el("b", {}, "live") : el("div", { class: "row" },
      button("Promote", () => this.#promote(version), { "aria-label": `Promote ${label}` }),
      button("Delete", () => this.#deleteVersion(version), { "aria-label": `Delete ${label}` }));
    const made = when(created);
    return el("tr", {},
      el("td", {}, button(el("code", {}, label), () => this.#open(version), { "aria-label": `Card of ${label}` })),
      el("td", {}, training ? el("a", { href: at`#train/${training}` }, made) : made),
      el("td", { class: "n" }, accuracyOf(accuracy)), el("td", {}, actions));
  }

  /** Do something to the model, then show what it is now. */
  async #act(action, said) {
    this.problem.replaceChildren();
    try {
      await action();
      announce(said);
      await refreshTrained();
      if (this.element.isConnected) await this.load();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.problem.replaceChildren(problemBox(error));
      return error;
    }
    return undefined;
  }

  async #promote(version, force = false) {
    const { name } = this.entry;
    const error = await this.#act(() => post(pathOf(name, "/promote"), { version, force }), `${short(version)} is live`);
    if (error?.status !== 409 || !error.type.endsWith("not-better")) return;
    this.problem.replaceChildren(problemBox(error, button("Promote anyway", () => this.#promote(version, true))));
    this.problem.querySelector("button").focus();
  }

  async #deleteVersion(version) {
    const { name } = this.entry;
    if (!(await confirmed(`Delete version ${short(version)}?`, `${name} cannot be rolled back to it afterwards.`, "Delete"))) return;
    await this.#act(() => call(pathOf(name, `/versions/${version}`), { method: "DELETE", as: "nothing" }), "Deleted");
  }

  async #deleteModel() {
    const { name, versions } = this.entry;
    if (!(await confirmed(`Delete ${name}?`, `Its ${plural(versions, "version")} will be deleted, and requests for it will fail.`, "Delete"))) return;
    await this.#act(() => call(pathOf(name), { method: "DELETE", as: "nothing" }), `${name} was deleted`);
  }
}

/** The list of trained models, renewed whenever it changes. models: the built-in ones. */
export class Trained {
  constructor(holder, models) {
    this.holder = holder;
    this.models = models;
    this.panels = new Map();
    this.list = el("div", { class: "trained-list" });
    onTrained(() => this.draw());
    this.draw();
  }

  /** Ask for the list again: others may have trained too. The built-in models' cards are worth a visit without a key. */
  async refresh() {
    if (trained() === null) return;
    try {
      await refreshTrained({ quiet: true });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error; // the list stays as it is
    }
  }

  draw() {
    const entries = trained();
    this.holder.hidden = !entries;
    if (!entries) return;
    for (const name of this.panels.keys()) if (!entries.some((entry) => entry.name === name)) this.panels.delete(name);
    for (const entry of entries) {
      if (this.panels.has(entry.name)) this.panels.get(entry.name).update(entry);
      else this.panels.set(entry.name, new Panel(entry, this.models));
    }
    const empty = hint("None yet. ", el("a", { href: "#train" }, "Train one"), " from a few pictures of each class, or from a table with a column of classes.");
    const panels = entries.map(({ name }) => this.panels.get(name).element);
    if (panels.length !== this.list.childElementCount || panels.some((element, index) => this.list.children[index] !== element)) this.list.replaceChildren(...panels);
    if (!this.heading) {
      this.heading = el("h2", {}, "Your models");
      this.empty = el("div");
      this.holder.replaceChildren(el("div", { class: "panel trained" }, this.heading, this.empty, this.list));
    }
    put(this.empty, entries.length === 0 && empty);
  }
}
