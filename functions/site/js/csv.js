// Tables as text: comma, semicolon, tab or blanks between cells (RFC 4180 quoting).

const SEPARATORS = [",", ";", "\t"];

function separatorOf(line) {
  const best = SEPARATORS.map((mark) => [line.split(mark).length, mark]).sort(([one], [other]) => other - one)[0];
  return best[0] > 1 ? best[1] : null;
}

/** Text as rows of cells; empty lines and lines that begin with # are left out. */
export function parseCsv(text) {
  const body = text.replace(/^\ufeff/, "");
  const first = body.split(/\r?\n/).find((line) => line.trim() && !line.startsWith("#")) ?? "";
  const mark = separatorOf(first);
  const rows = mark === null ? byBlanks(body) : bySeparator(body, mark);
  return rows.filter((row) => row.some((cell) => cell !== "") && !row[0].startsWith("#"));
}

const byBlanks = (text) => text.split(/\r?\n/).map((line) => line.trim().split(/\s+/));

function bySeparator(text, mark) {
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
    else if (letter === mark) endCell();
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
