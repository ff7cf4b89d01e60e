// The columns of a star row and how a pasted table without a header is read.

/** The five bands of SDSS, from near ultraviolet to near infrared. */
export const BANDS = ["u", "g", "r", "i", "z"];

// Without a header the number of columns tells what they are.
const HEADERS = {
  5: BANDS,
  6: [...BANDS, "redshift"],
  7: ["alpha", "delta", ...BANDS],
  8: ["alpha", "delta", ...BANDS, "redshift"],
};

const isNumber = (cell) => cell !== "" && Number.isFinite(Number(cell));

/** Rows of cells with their header: {header, rows}. Throws an Error whose message says what is missing. */
export function withHeader(table) {
  if (table.length === 0) throw new Error("There is no row in it.");
  const [first] = table;
  if (!first.every((cell) => isNumber(cell) || cell === "")) {
    if (table.length === 1) throw new Error("There is a header, but no row below it.");
    return { header: first, rows: table.slice(1) };
  }
  const header = HEADERS[first.length];
  if (!header) {
    throw new Error(`Without a header a row has 5 to 8 numbers (alpha, delta, u, g, r, i, z, redshift); this one has ${first.length}.`);
  }
  return { header, rows: table };
}

/** The values that the diagram and the form need, by the header's own spelling of the columns. */
export function valuesOf(header, row) {
  const values = {};
  header.forEach((name, place) => {
    const plain = name.trim().toLowerCase().replace(/^(psf|model|cmodel)?mag_|mag$/g, "");
    const known = BANDS.includes(plain) ? plain : ["redshift", "z_spec", "zspec", "spec_z", "specz"].includes(plain) ? "redshift" : null;
    if (known && row[place] !== "" && row[place] !== undefined) values[known] = Number(row[place]);
  });
  return values;
}
