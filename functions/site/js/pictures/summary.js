// The bar over the gallery: how far it is, how many of each class, and what can be done with all of them.
import { el } from "../dom.js";
import { count, several } from "../format.js";
import { announce } from "../notice.js";

const OPEN = ["waiting", "working", "sending"];
const FAILED = "Failed";
const ANNOUNCE_EVERY = 25;

/** The name under which a picture is counted; undefined while it is open. */
export function groupOf({ state, answer }) {
  if (state === "done") return answer.result.predictions[0].label;
  return state === "failed" ? FAILED : undefined;
}

/** Keeps the bar in step with the pictures. onFilter(group or null): show only these. */
export class Summary {
  constructor(parts, onFilter) {
    this.parts = parts;
    this.onFilter = onFilter;
    this.filter = null;
    this.wait = 0;
    this.drawn = false;
  }

  /** Draw at the next frame: hundreds of answers a second make one drawing each frame. */
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
    const more = [failed.length > 0 && `${count(failed.length)} failed`, this.wait > 0 && `busy, going on in ${Math.ceil(this.wait)} s`];
    counts.textContent = [`${count(all - open)} of ${several(all, "picture")}`, ...more.filter(Boolean)].join(" · ");
    progress.max = Math.max(1, all);
    progress.value = all - open;
    progress.hidden = all < 2;
    progress.setAttribute("aria-label", "Pictures that are ready");
    stop.hidden = open === 0;
    retry.hidden = open > 0 || !failed.some(({ error }) => error.passing);
    this.#chips();
    this.#tell(all, open, failed.length);
  }

  #tell(all, open, failed) {
    const done = all - open;
    if (all === 0 || (open > 0 && done % ANNOUNCE_EVERY !== 0) || this.told === `${done}/${all}`) return;
    this.told = `${done}/${all}`;
    const one = all === 1 && open === 0 && failed === 0 ? groupOf(this.pictures[0]) : null;
    if (done > 0) announce(one ?? `${done} of ${several(all, "picture")} ready${failed ? `, ${failed} failed` : ""}`);
  }

  #chips() {
    const groups = new Map();
    for (const picture of this.pictures) {
      const group = groupOf(picture);
      if (group) groups.set(group, (groups.get(group) ?? 0) + 1);
    }
    if (this.filter !== null && !groups.has(this.filter)) this.#choose(null);
    const sorted = [...groups].sort(([one, some], [other, more]) => more - some || one.localeCompare(other));
    const focused = this.parts.chips.contains(document.activeElement) ? document.activeElement.dataset.group : undefined;
    this.parts.chips.replaceChildren(
      ...(this.pictures.length < 2 ? [] : sorted).map(([group, number]) =>
        el(
          "button",
          {
            type: "button",
            class: group === FAILED ? "is-bad" : undefined,
            "aria-pressed": String(group === this.filter),
            "data-group": group,
            onclick: () => this.#choose(group === this.filter ? null : group),
          },
          `${group} ${count(number)}`,
        ),
      ),
    );
    if (focused !== undefined) [...this.parts.chips.children].find((chip) => chip.dataset.group === focused)?.focus();
  }

  #choose(group) {
    this.filter = group;
    this.onFilter(group);
    for (const chip of this.parts.chips.children) chip.setAttribute("aria-pressed", String(chip.dataset.group === group));
  }
}
