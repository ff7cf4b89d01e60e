// The models that the page shows.

const PICTURES = {
  input: "pictures",
  accepts: [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".tif", ".tiff", ".gif", ".heic", ".heif", ".hif", ".avif", ".fits", ".fit", ".fts", ".fits.gz", ".fit.gz", ".fts.gz", ".fz"],
  archives: [".zip", ".tar", ".tgz", ".tar.gz"],
  media_types: ["image/jpeg", "image/png", "image/webp", "image/tiff", "image/gif", "image/heic", "image/avif", "application/fits"],
  max_file_bytes: 64 * 2 ** 20,
  columns: [],
};
const band = (name) => ({ name, unit: "mag", minimum: 5, maximum: 35, required: true });

/** As GET /v1/models is to list them. */
export const listModels = async () => [
  {
    ...PICTURES,
    name: "galaxy",
    title: "Galaxy",
    question: "What shape is this galaxy?",
    summary: "Drop images with one galaxy centred. Each is classified as one of eight Galaxy Zoo 2 shapes, with a calibrated probability.",
    labels: [],
    label_sets: [],
    samples: [
      { title: "Spiral", file: "galaxy_spiral.jpg" },
      { title: "Elliptical", file: "galaxy_elliptical.jpg" },
      { title: "Edge-on", file: "galaxy_edge_on.jpg" },
    ],
  },
  {
    ...PICTURES,
    name: "image",
    title: "Photograph",
    question: "What does this photograph show?",
    summary: "Drop any photographs. Each gets the most likely of 1,000 classes of objects, or of the dogs, cats or birds among them.",
    labels: ["tench", "goldfish", "great white shark", ...Array(997)],
    label_sets: [{ name: "dogs", labels: 118 }, { name: "cats", labels: 5 }, { name: "birds", labels: 59 }],
    samples: [{ title: "Traffic light", file: "traffic_light.jpg" }],
  },
  {
    name: "star",
    title: "Star",
    question: "Galaxy, quasar or star?",
    summary: "Five magnitudes say a lot about what an object is; a redshift nearly settles it. Enter one object, or paste a table.",
    input: "rows",
    accepts: [".csv", ".tsv", ".txt", ".ecsv", ".tbl", ".csv.gz", ".fits", ".fit", ".fts", ".fits.gz", ".vot", ".xml", ".parquet"],
    archives: [],
    media_types: [],
    max_file_bytes: 5e9,
    labels: ["GALAXY", "QSO", "STAR"],
    label_sets: [],
    columns: [...["u", "g", "r", "i", "z"].map(band), { name: "redshift", unit: "", minimum: -0.05, maximum: 12, required: false }],
    samples: [
      { title: "Galaxy", row: { u: 23.87882, g: 22.2753, r: 20.39501, i: 19.16573, z: 18.79371, redshift: 0.6347936 } },
      { title: "Quasar", row: { u: 20.38562, g: 20.40514, r: 20.29996, i: 20.05918, z: 19.89044, redshift: 2.031528 } },
      { title: "Star", row: { u: 21.74669, g: 20.03493, r: 19.17553, i: 18.81823, z: 18.65422, redshift: -7.895373e-6 } },
      { title: "Sample table", file: "stars.csv" },
    ],
  },
];

/** Where the page keeps a sample. */
export const sampleUrl = (name) => `samples/${name}`;

/** Fetch a sample as {file, path}, as if the visitor had chosen it. */
export async function sampleFile(name) {
  const response = await fetch(sampleUrl(name));
  if (!response.ok) throw new Error(`the sample ${name} failed to load`);
  const content = await response.blob();
  return { file: new File([content], name, { type: content.type }), path: name };
}
