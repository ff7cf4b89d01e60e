// Numbers, sizes and sets as people read them.

/** 0.9562 -> "95.6 %"; near the ends more digits, never a rounded-up 100 %. */
export function percent(share) {
  if (share >= 1) return "100 %";
  if (share > 0.999) return "> 99.9 %";
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${(share * 100).toFixed(1)} %`;
}

/** Whole numbers with thin groups of thousands: 20,000. */
export const count = (number) => number.toLocaleString("en-GB");

/** "1 picture", "2 pictures". */
export const several = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** Bytes as kB or MB. */
export function bytes(size) {
  if (size < 1e3) return `${size} B`;
  if (size < 1e6) return `${Math.round(size / 1e3)} kB`;
  return size < 1e9 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e9).toFixed(2)} GB`;
}

/** Milliseconds with as many digits as mean something. */
export const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

/**
 * The conformal set in words, in two parts: how sure, and what. The set holds the truth nine times in ten; where
 * only some labels were to choose from it may be none of them, and nothing is promised.
 */
export function setInWords(labels, restricted = false) {
  const [one, many] = restricted
    ? ["Nearest of the chosen labels: ", "Of the chosen labels one of: "]
    : ["Nine times in ten it is: ", "Nine times in ten it is one of: "];
  return labels.length === 1 ? [one, labels[0]] : [many, labels.join(", ")];
}

/** "with_redshift" -> "With redshift". */
export function words(name) {
  const spaced = name.replaceAll("_", " ");
  return spaced[0].toUpperCase() + spaced.slice(1);
}
