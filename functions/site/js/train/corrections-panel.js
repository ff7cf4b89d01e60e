// The corrections collected on the page, and what can be done with them.
import { confirmed } from "../confirm.js";
import { button, el } from "../dom.js";
import { stamped } from "../download.js";
import { labelCounts } from "../examples.js";
import { count, plural } from "../format.js";
import { announce } from "../widgets.js";
import { writeZip } from "../zip.js";

/** A zip archive of class folders, saved as a file. records: {label, name, file}. */
async function saveZip(records) {
  const taken = new Set();
  const files = records.map(({ label, name, file }, index) => {
    const plain = `${label.replace(/[/\\]/g, "-")}/${name}`;
    const path = taken.has(plain) ? plain.replace(/([^/]+)$/, `${index}-$1`) : plain;
    taken.add(path);
    return { path, file };
  });
  const url = URL.createObjectURL(await writeZip(files));
  el("a", { href: url, download: `${stamped("corrections")}.zip` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Hidden while there are none. corrections: Examples; dataset: the class boxes. */
export class CorrectionsPanel {
  constructor(corrections, dataset) {
    Object.assign(this, { corrections, dataset });
    this.element = el("div", { class: "notice", hidden: true, role: "group", "aria-label": "Corrections" });
    corrections.onChange(() => this.draw());
    this.draw();
  }

  draw() {
    const records = this.corrections.all;
    this.element.hidden = records.length === 0;
    const listed = labelCounts(records).map(([label, number]) => `${label} ${count(number)}`);
    this.element.replaceChildren(
      el("p", {}, el("b", {}, `${plural(records.length, "correction")} collected`), `: ${listed.join(", ")}. They stay in this browser.`),
      el("p", { class: "row" },
        button("Add to the classes", () => this.#use(records)),
        button("Download as a zip", () => saveZip(records)),
        button("Discard", () => this.#discard(records.length), { class: "quiet" })));
  }

  #use(records) {
    for (const [label] of labelCounts(records)) {
      this.dataset.add(label, records.filter((record) => record.label === label).map(({ file, name }) => ({ file, path: name })));
    }
    announce(`${plural(records.length, "picture")} added`);
    this.corrections.clear();
  }

  async #discard(number) {
    if (await confirmed("Discard the corrections?", `${plural(number, "picture")} with the right class will be forgotten.`, "Discard")) this.corrections.clear();
  }
}
