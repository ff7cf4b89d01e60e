// Files on their way into the class boxes: pictures told from the rest, folders and zip archives opened.
import { bytes, plural } from "../format.js";
import { readZip } from "../zip.js";
import { LIMITS } from "./dataset.js";

const OPENED_BYTES = 300e6; // larger zip archives are uploaded whole
const HIDDEN = /(^|\/)(\.|__MACOSX\/)/;

const isZip = ({ path }) => /\.zip$/i.test(path);

/** Whether a file has the name of a picture. model: a built-in model of pictures. */
export const isPicture = ({ path }, { accepts }) => accepts.some((suffix) => path.toLowerCase().endsWith(suffix));

/** What was left out, in a sentence; empty if nothing was. */
export function leftOut(files) {
  if (files.length === 0) return "";
  const names = files.slice(0, 3).map(({ path }) => path.split("/").pop());
  return `Left out, as not a picture: ${names.join(", ")}${files.length > names.length ? ` and ${plural(files.length - names.length, "more file")}` : ""}.`;
}

/** Files told apart: [pictures, others]. */
export function sorted(files, model) {
  const pictures = files.filter((file) => isPicture(file, model));
  return [pictures, files.filter((file) => !pictures.includes(file))];
}

/** The classes and counts of the folders of an archive's entries, in words. */
function contents(entries) {
  const labels = new Map();
  for (const { path } of entries) labels.set(path.split("/").at(-2), (labels.get(path.split("/").at(-2)) ?? 0) + 1);
  labels.delete(undefined);
  const listed = [...labels].slice(0, 6).map(([label, number]) => `${label} (${number})`);
  return `${plural(labels.size, "class").replace("classs", "classes")}: ${listed.join(", ")}${labels.size > listed.length ? ", …" : ""}`;
}

/**
 * Open a zip archive of class folders: {files: [{file, path}], others} for the boxes, or {whole, about} where it is to be
 * uploaded as it is, because it is large or of a kind that cannot be opened here.
 */
async function opened({ file }, model) {
  let entries;
  try {
    entries = (await readZip(file)).filter(({ path }) => !HIDDEN.test(path));
  } catch (error) {
    return { whole: file, about: `${file.name}, ${bytes(file.size)}: ${error.message}, so it is uploaded as it is.` };
  }
  const [pictures, others] = sorted(entries, model);
  const size = pictures.reduce((sum, entry) => sum + entry.size, 0);
  if (Math.max(size, file.size) > OPENED_BYTES || pictures.length > LIMITS.pictures) {
    return { whole: file, about: `${file.name}, ${bytes(file.size)}, is uploaded as it is: ${contents(pictures)}.` };
  }
  const files = [];
  for (const { path, read } of pictures) {
    try {
      files.push({ file: new File([await read()], path.split("/").pop(), { lastModified: 0 }), path });
    } catch {
      others.push({ path });
    }
  }
  return { files, others };
}

/**
 * Put files without a class where they belong: those in folders into the class of their folder, those of a zip archive too,
 * single pictures into `label`. Returns {added, note, whole, about}.
 */
export async function distribute(files, dataset, { model, label }) {
  const archive = files.find(isZip);
  const { files: found = [], others: skipped = [], whole, about } = archive ? await opened(archive, model) : {};
  if (whole) return { added: 0, note: "", whole, about };
  const [pictures, others] = sorted([...files.filter((file) => !isZip(file)), ...found], model);
  const inFolders = pictures.filter(({ path }) => path.includes("/"));
  const single = pictures.filter(({ path }) => !path.includes("/"));
  const before = dataset.size;
  dataset.addFolders(inFolders);
  if (single.length > 0) dataset.add(label, single);
  return { added: dataset.size - before, note: leftOut([...others, ...skipped]) };
}
