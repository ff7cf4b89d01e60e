// Files from a drop, a paste or a file input; folders are read to their ends.

const HIDDEN = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i;

const read = (reader) => new Promise((resolve, reject) => reader.readEntries(resolve, reject));
const fileOf = (entry) => new Promise((resolve, reject) => entry.file(resolve, reject));

async function walk(entry, path, found) {
  if (entry.isFile) {
    found.push({ file: await fileOf(entry), path: path + entry.name });
    return;
  }
  const reader = entry.createReader();
  for (let entries = await read(reader); entries.length > 0; entries = await read(reader)) {
    for (const inner of entries) await walk(inner, `${path}${entry.name}/`, found);
  }
}

const visible = (found) => found.filter(({ path }) => !HIDDEN.test(path));

/** The files of a drop or a paste, folders included: [{file, path}]. Call it within the event. */
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const plain = [...transfer.files].map((file) => ({ file, path: file.name }));
  if (entries.length === 0) return visible(plain);
  const found = [];
  for (const entry of entries) await walk(entry, "", found);
  return visible(found);
}

/** The files that a file input has, and the input empty for the next choice. */
export function chosenIn(input) {
  const found = [...input.files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
  input.value = "";
  return visible(found);
}

/** Let an element take drops; take is given [{file, path}]. */
export function acceptDrops(element, take) {
  let depth = 0; // dragenter and dragleave come for every child as well
  const over = (change) => {
    depth = Math.max(0, depth + change);
    element.classList.toggle("over", depth > 0);
  };
  element.addEventListener("dragenter", () => over(1));
  element.addEventListener("dragleave", () => over(-1));
  element.addEventListener("dragover", (event) => event.preventDefault());
  element.addEventListener("drop", async (event) => {
    event.preventDefault();
    over(-depth);
    take(await filesOf(event.dataTransfer));
  });
}
