// Results saved as files.
import { el } from "./dom.js";

/** Save texts, joined, as a file. */
export function saveText(name, texts, type) {
  const url = URL.createObjectURL(new Blob(texts, { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

const cell = (value) => {
  const text = value === undefined || value === null ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

// As layers/skysort/csv_cells.py has it.
const FORMULA = /^'*(?:[\t\r\n]|[\x00-\x20\x7f-\xa0\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])./su;

/** Untrusted text (a file name, a message) as a cell that no spreadsheet reads as a formula. */
export const textCell = (text) => (FORMULA.test(text) ? `'${text}` : text);

/** Rows of cells as CSV text (RFC 4180). */
export const csvText = (rows) => rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");

/** Save rows of cells, the header first, as a CSV file. */
export const saveCsv = (name, rows) => saveText(name, [csvText(rows)], "text/csv;charset=utf-8");

/** Save a value as a JSON file. */
export const saveJson = (name, value) => saveText(name, [`${JSON.stringify(value, null, 2)}\n`], "application/json");

/** A name with the time, so that downloads do not overwrite each other: galaxy-20261121-101530. */
export const stamped = (name) => `${name}-${new Date().toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-")}`;

/** The same with random digits: a batch that nobody else has. */
export const newBatch = (name) => `${stamped(name)}-${crypto.randomUUID().slice(0, 4)}`;
