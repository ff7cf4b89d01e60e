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

// The names of a band, the first kind that is whole is taken, and those of a redshift: as skysort.star.names has them.
const FAMILIES = [
  (band) => band,
  (band) => `modelmag_${band}`,
  (band) => `${band}mag`,
  (band) => `mag_${band}`,
  (band) => `cmodelmag_${band}`,
  (band) => `psfmag_${band}`,
];
const REDSHIFT = /^(z_?spec|spec_?z|z_?sp|spec_?redshift|redshift_spec|z_?(hel|helio|best|qso|pipe)|z_(vi|sdss))$/;

/** The values that the diagram and the form need, by the header's own spelling of the columns. */
export function valuesOf(header, row) {
  const values = {};
  for (const [name, place] of placesOf(header)) {
    if (row[place] !== "" && row[place] !== undefined) values[name] = Number(row[place]);
  }
  return values;
}

function placesOf(header) {
  const names = header.map((name) => name.trim().toLowerCase());
  const whole = FAMILIES.find((family) => BANDS.every((band) => names.includes(family(band))));
  const places = BANDS.map((band) => {
    const family = whole ?? FAMILIES.find((one) => names.includes(one(band))) ?? FAMILIES[0];
    return [band, names.indexOf(family(band))];
  });
  // As in SDSS's SpecPhoto: modelMag_u to modelMag_z, and z for the redshift.
  const lone = whole && whole !== FAMILIES[0] && !BANDS.slice(0, -1).some((band) => names.includes(band)) ? names.indexOf("z") : -1;
  const redshift = [names.indexOf("redshift"), lone, names.findIndex((name) => REDSHIFT.test(name))].find((place) => place >= 0);
  return [...places, ["redshift", redshift ?? -1]].filter(([, place]) => place >= 0);
}
