// What the browser keeps; where storage is disabled, nothing is kept and nothing fails.

/** A kept text, null if there is none. storage: "localStorage" or "sessionStorage". */
export function recall(storage, name) {
  try {
    return self[storage].getItem(name);
  } catch {
    return null;
  }
}

/** Keep a text; an empty one is removed. */
export function keep(storage, name, text) {
  try {
    if (text) self[storage].setItem(name, text);
    else self[storage].removeItem(name);
  } catch {
    // Storage is disabled or full.
  }
}
