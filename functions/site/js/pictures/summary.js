// The bar over the gallery: progress, counts by class, and actions on all pictures.
import { el } from "../dom.js";
import { count, plural } from "../format.js";
import { headline } from "../typicality.js";
import { announce } from "../widgets.js";

const OPEN = ["waiting", "working", "sending"];
const FAILED = "Failed";
const ANNOUNCE_EVERY = 25;

/** The group in which a picture is counted; undefined until it is done or failed. */
export function groupOf({ state, answer }) {
  if (state === "done") return headline(answer.result);
  return state === "failed" ? FAILED : undefined;
}

/** Keeps the bar up to date. onFilter(group): show only its pictures, all with null. */
export class Summary {
  constructor(parts, onFilter) {
    this.parts = parts;
    this.onFilter = onFilter;
    this.filter = null;
    this.wait = 0;
    this.drawn = false;
  }

  /** Draw in the next frame, once for all answers until then. */
  update(pictures) {
    this.pictures = pictures;
    if (this.drawn) return;
    this.drawn = true;
    requestAnimationFrame(() => {
      this.drawn = false;
      this.#draw();
    });
  }

  #draw() {
    const { bar, counts, progress, stop, retry } = this.parts;
    const all = this.pictures.length;
    const open = this.pictures.filter(({ state }) => OPEN.includes(state)).length;
    const failed = this.pictures.filter(({ state }) => state === "failed");
    bar.hidden = all === 0;
    const more = [failed.length > 0 && `${count(failed.length)} failed`, this.wait > 0 && `busy, resuming in ${Math.ceil(this.wait)} s`];
    counts.textContent = [`${count(all - open)} of ${plural(all, "picture")}`, ...more.filter(Boolean)].join(" · ");
    progress.max = Math.max(1, all);
    progress.value = all - open;
    progress.hidden = all < 2;
    progress.setAttribute("aria-label", "Pictures processed");
    stop.hidden = open === 0;
    retry.hidden = open > 0 || !failed.some(({ error }) => error.retryable);
    this.#chips();
    this.#announce(all, open, failed.length);
  }

  #announce(all, open, failed) {
    const done = all - open;
    if (all === 0 || (open > 0 && done % ANNOUNCE_EVERY !== 0) || this.announced === `${done}/${all}`) return;
    this.announced = `${done}/${all}`;
    const label = all === 1 && open === 0 && failed === 0 ? groupOf(this.pictures[0]) : null;
    if (done > 0) announce(label ?? `${done} of ${plural(all, "picture")} processed${failed ? `, ${failed} failed` : ""}`);
  }

  #chips() {
    const groups = new Map();
    for (const picture of this.pictures) {
      const group = groupOf(picture);
      if (group) groups.set(group, (groups.get(group) ?? 0) + 1);
    }
    if (this.filter !== null && !groups.has(this.filter)) this.#choose(null);
    const sorted = [...groups].sort(([group, number], [other, more]) => more - number || group.localeCompare(other));
    const focused = this.parts.chips.contains(document.activeElement) ? document.activeElement.dataset.group : undefined;
    this.parts.chips.replaceChildren(
      ...(this.pictures.length < 2 ? [] : sorted).map(([group, number]) => {
        const properties = { type: "button", class: group === FAILED ? "is-bad" : undefined, "aria-pressed": String(group === this.filter), "data-group": group };
        return el("button", { ...properties, onclick: () => this.#choose(group === this.filter ? null : group) }, `${group} ${count(number)}`);
      }),
    );
    if (focused !== undefined) [...this.parts.chips.children].find((chip) => chip.dataset.group === focused)?.focus();
  }

  #choose(group) {
    this.filter = group;
    this.onFilter(group);
    for (const chip of this.parts.chips.children) chip.setAttribute("aria-pressed", String(chip.dataset.group === group));
  }
}
