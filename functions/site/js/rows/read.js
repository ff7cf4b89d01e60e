// Pasted or chosen tables as text: cells, header, and the values that the form and the diagram need.

const SEPARATORS = [",", ";", "\t"];
const POSITION = ["alpha", "delta"];

/** The cell separator of a line; null for blanks. */
function separatorOf(line) {
  const [cells, separator] = SEPARATORS.map((mark) => [line.split(mark).length, mark]).sort(([a], [b]) => b - a)[0];
  return cells > 1 ? separator : null;
}

/** Text as rows of cells (RFC 4180 quoting; comma, semicolon, tab or blanks between them), without empty lines and comments (#). */
export function cells(text) {
  const body = text.replace(/^\ufeff/, "");
  const first = body.split(/\r?\n/).find((line) => line.trim() && !line.startsWith("#")) ?? "";
  const separator = separatorOf(first);
  const rows = separator === null ? body.split(/\r?\n/).map((line) => line.trim().split(/\s+/)) : split(body, separator);
  return rows.filter((row) => row.some((cell) => cell !== "") && !row[0].startsWith("#"));
}

function split(text, separator) {
  const rows = [];
  let row = [];
  let cell = "";
  let quoted = false;
  const endCell = () => {
    row.push(cell.trim());
    cell = "";
  };
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at];
    if (quoted && letter === '"' && text[at + 1] === '"') {
      cell += '"';
      at += 1;
    } else if (letter === '"' && (quoted || cell === "")) quoted = !quoted;
    else if (quoted) cell += letter;
    else if (letter === separator) endCell();
    else if (letter === "\n") {
      endCell();
      rows.push(row);
      row = [];
    } else if (letter !== "\r") cell += letter;
  }
  endCell();
  rows.push(row);
  return rows;
}

/** Whether a cell holds a number. */
export const isNumber = (cell) => cell !== "" && Number.isFinite(Number(cell));

/** Whether the columns are those of a sky survey: magnitudes u, g and r at least. */
export const isPhotometry = (columns) => ["u", "g", "r"].every((band) => columns.some(({ name }) => name === band));

/** Text as {header, rows}. columns: the model's. Throws an Error that says what is missing. */
export function readTable(text, columns) {
  const table = cells(text);
  if (table.length === 0) throw new Error("No rows found.");
  const [first] = table;
  if (!first.every((cell) => isNumber(cell) || cell === "")) {
    if (table.length === 1) throw new Error("There is a header but no rows.");
    return { header: first, rows: table.slice(1) };
  }
  // Without a header, the number of cells tells which columns they are.
  const all = columns.map(({ name }) => name);
  const required = columns.filter((column) => column.required).map(({ name }) => name);
  const headers = [required, all];
  if (isPhotometry(columns)) headers.push([...POSITION, ...required], [...POSITION, ...all]);
  const header = headers.find((names) => names.length === first.length);
  if (header) return { header, rows: table };
  const longest = headers.at(-1);
  const range = required.length === longest.length ? longest.length : `${required.length} to ${longest.length}`;
  throw new Error(`Without a header, a row must have ${range} numbers (${longest.join(", ")}); this one has ${first.length}.`);
}

/** What a table classified in parts is like as a whole: the domain of its least typical part, the class shares of all rows. parts: {rows, typicality, domain, class_shares}, as far as they have them. */
export function joined(parts) {
  const judged = parts.filter(({ domain }) => domain).sort((a, b) => a.domain.typicality - b.domain.typicality);
  const shared = parts.filter(({ class_shares: shares }) => shares);
  const total = shared.reduce((sum, { rows }) => sum + rows, 0);
  const sum = (label, valueOf) => shared.reduce((so, { rows, class_shares: shares }) => so + valueOf(shares[label], rows / total), 0);
  // The parts are independent: their errors add up in quadrature.
  const labels = Object.keys(shared[0]?.class_shares ?? {});
  const shares = labels.map((label) => {
    const value = sum(label, (share, weight) => weight * share.value);
    const low = value - Math.sqrt(sum(label, (share, weight) => (weight * (share.value - share.low)) ** 2));
    const high = value + Math.sqrt(sum(label, (share, weight) => (weight * (share.high - share.value)) ** 2));
    return [label, { value, low, high }];
  });
  return { typicality: parts.length === 1 ? parts[0].typicality : undefined, domain: judged[0]?.domain, class_shares: labels.length > 0 ? Object.fromEntries(shares) : undefined };
}

// Spellings of the magnitudes and of the redshift, as skysort.star has them; the first family with all of them is used.
const FAMILIES = [
  (band) => band,
  (band) => `modelmag_${band}`,
  (band) => `${band}mag`,
  (band) => `mag_${band}`,
  (band) => `cmodelmag_${band}`,
  (band) => `psfmag_${band}`,
];
const REDSHIFT = /^(z_?spec|spec_?z|z_?sp|spec_?redshift|redshift_spec|z_?(hel|helio|best|qso|pipe)|z_(vi|sdss))$/;

/** The values of a row by the model's own column names, whatever the header calls them. */
export function valuesOf(header, row, columns) {
  const cells = columnsOf(header, columns).filter(([, index]) => row[index] !== "" && row[index] !== undefined);
  return Object.fromEntries(cells.map(([name, index]) => [name, Number(row[index])]));
}

/** Where the model's columns are in a header, in any of their spellings: [[name, index], ...]. */
export function columnsOf(header, columns) {
  const names = header.map((name) => name.trim().toLowerCase());
  const required = columns.filter((column) => column.required).map(({ name }) => name);
  const whole = FAMILIES.find((family) => required.every((name) => names.includes(family(name))));
  // As in SDSS's SpecPhoto: modelMag_u to modelMag_z, and z for the redshift.
  const lone = whole && whole !== FAMILIES[0] && !required.slice(0, -1).some((name) => names.includes(name)) ? names.indexOf("z") : -1;
  return columns
    .map(({ name, required: isRequired }) => {
      if (name === "redshift") return [name, [names.indexOf(name), lone, names.findIndex((other) => REDSHIFT.test(other))].find((index) => index >= 0) ?? -1];
      const family = (isRequired && whole) || FAMILIES.find((spelling) => names.includes(spelling(name))) || FAMILIES[0];
      return [name, names.indexOf(family(name))];
    })
    .filter(([, index]) => index >= 0);
}
