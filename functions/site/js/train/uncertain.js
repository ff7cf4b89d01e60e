// Which unlabelled pictures to ask about: those between two classes, and unlike each other.

/** How far the best class is ahead of the second: 0 undecided, 1 certain. predictions: in descending order. */
export const margin = ([best, second]) => best.probability - (second?.probability ?? 0);

function distance(a, b) {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += (a[index] - b[index]) ** 2;
  return Math.sqrt(sum);
}

/**
 * Choose `number` of candidates {margin, features}: from the least certain, one after the other, the one that is both
 * uncertain and far from those already chosen. features: vectors of one length.
 */
export function leastCertain(candidates, number) {
  const pool = candidates.toSorted((a, b) => a.margin - b.margin).slice(0, number * 4);
  const chosen = [];
  const nearest = new Map(pool.map((candidate) => [candidate, Infinity]));
  while (chosen.length < number && nearest.size > 0) {
    const far = Math.max(...[...nearest.values()].filter(Number.isFinite), 1e-9);
    const score = ([candidate, gap]) => 1 - candidate.margin + (Number.isFinite(gap) ? gap / far : 0);
    const [next] = [...nearest].reduce((best, entry) => (score(entry) > score(best) ? entry : best));
    nearest.delete(next);
    chosen.push(next);
    for (const [candidate, gap] of nearest) nearest.set(candidate, Math.min(gap, distance(candidate.features, next.features)));
  }
  return chosen;
}

const SIDE = 8;

/** A picture as a short vector: the probabilities of its classes, and its colours coarsely. bitmap: an ImageBitmap, if the browser can show it. */
export function featuresOf(predictions, labels, bitmap) {
  const shares = labels.map((label) => predictions.find((prediction) => prediction.label === label)?.probability ?? 0);
  const colours = new Float32Array(SIDE * SIDE * 3);
  if (bitmap) {
    const context = new OffscreenCanvas(SIDE, SIDE).getContext("2d");
    context.drawImage(bitmap, 0, 0, SIDE, SIDE);
    const { data } = context.getImageData(0, 0, SIDE, SIDE);
    for (let pixel = 0; pixel < SIDE * SIDE; pixel += 1) {
      for (let channel = 0; channel < 3; channel += 1) colours[pixel * 3 + channel] = data[pixel * 4 + channel] / 255 / SIDE;
    }
  }
  return [...shares, ...colours];
}
