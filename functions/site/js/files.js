// Files from a drop, a paste, a file input or the page's samples, as [{file, path}]; folders are read recursively.
import { button, el } from "./dom.js";

const HIDDEN = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i;

const readEntries = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function walk(entry, path, files) {
  if (entry.isFile) {
    files.push({ file: await fileOf(entry), path: path + entry.name });
    return;
  }
  const reader = entry.createReader();
  for (let entries = await readEntries(reader); entries.length > 0; entries = await readEntries(reader)) {
    for (const inner of entries) await walk(inner, `${path}${entry.name}/`, files);
  }
}

const visible = (files) => files.filter(({ path }) => !HIDDEN.test(path));

/** The files of a drop or a paste, folders included. Call it within the event. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...transfer.files].map((file) => ({ file, path: file.name }));
  if (entries.length === 0) return visible(plain);
  const files = [];
  for (const entry of entries) await walk(entry, "", files);
  return visible(files);
}

/** [a button, its hidden file input]: what is chosen goes to `add`. properties: of the input. */
export function chooser(text, add, properties) {
  const pair = [button(text), el("input", { type: "file", hidden: true, ...properties })];
  acceptChoice(...pair, add);
  return pair;
}

/** Have a button open a file input, and give what is chosen there to `add`; the input is emptied for the next choice. */
export function acceptChoice(button, input, add) {
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => {
    const files = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
    input.value = "";
    add(visible(files));
  });
}

/** Give the files that are dropped on an element to `add`. */
export function acceptDrops(element, add) {
  let depth = 0; // dragenter and dragleave fire for every child as well
  const over = (change) => {
    depth = Math.max(0, depth + change);
    element.classList.toggle("over", depth > 0);
  };
  element.addEventListener("dragenter", () => over(1));
  element.addEventListener("dragleave", () => over(-1));
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", async (event) => {
    over(-depth);
    if (event.defaultPrevented) return; // an element within took them
    event.preventDefault();
    add(await filesOf(event.dataTransfer));
  });
}
