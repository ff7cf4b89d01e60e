// Numbers, sizes and times as text.

/** 0.9562 -> "95.6 %"; never a rounded-up 100 % or a rounded-down 0 %. */
export function percent(share) {
  if (share <= 0) return "0 %";
  if (share >= 1) return "100 %";
  if (share > 0.999) return "> 99.9 %";
  if (share < 0.001) return "< 0.1 %";
  return `${(share * 100).toFixed(1)} %`;
}

/** An interval of shares: "94.9 to 96.1 %". */
export const interval = ({ low, high }) => `${percent(low).replace(" %", "")} to ${percent(high)}`;

/** A whole number with its thousands separated: 20,000. */
export const count = (number) => number.toLocaleString("en-GB");

/** "1 picture", "2 pictures". */
export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

/** A number of bytes as B, kB, MB or GB. */
export function bytes(size) {
  if (size < 1e3) return `${size} B`;
  if (size < 1e6) return `${Math.round(size / 1e3)} kB`;
  return size < 1e9 ? `${(size / 1e6).toFixed(1)} MB` : `${(size / 1e9).toFixed(2)} GB`;
}

/** Milliseconds, with one decimal below 10. */
export const milliseconds = (value) => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;

/** "with_redshift" -> "With redshift". */
export function humanize(name) {
  const spaced = name.replaceAll("_", " ");
  return spaced[0].toUpperCase() + spaced.slice(1);
}

/** A message as a sentence: "all rows are typical" -> "All rows are typical." */
export const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${text.endsWith(".") ? "" : "."}`;

/** Seconds as a person says them: 0.4 s, 12 s, 4 min, 2.5 h. */
export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return seconds < 5940 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

/** An amount of US dollars, with as many digits as it takes to see it. */
export function dollars(amount) {
  if (amount > 0 && amount < 0.0001) return "< $0.0001";
  return `$${amount.toFixed(amount < 0.1 ? 4 : 2)}`;
}

/** A time of the API as a date and time of the reader's. */
export const when = (time) => new Date(time).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
