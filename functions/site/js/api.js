// Calls to the API; every failure is an ApiError.
import { askForKey, key } from "./key.js";

const JSON_TYPE = "application/json";

const TITLES = {
  0: "No connection",
  401: "API key required",
  403: "API key required",
  404: "Not found",
  413: "Too large",
  415: "Unsupported file",
  429: "The service is busy",
  502: "The service failed",
  503: "The service is unavailable",
  504: "Timed out",
};

const ADVICE = {
  0: "Check the connection, then try again.",
  401: "Enter your API key.",
  403: "Check your API key for typos.",
  413: "Upload it in the Batch view.",
  415: "Convert it to one of these formats and try again.",
  429: "Wait a moment and try again.",
  500: "Try again; if it fails again, report the request ID.",
  502: "Try again; if it fails again, report the request ID.",
  503: "Try again in a moment.",
  504: "Try again; the service may still be starting.",
};

/** A failed call, made from a problem document (RFC 9457). status: 0 without a response. retryAfter: seconds, if the service sent them. */
export class ApiError extends Error {
  constructor({ status = 0, title, detail = "", advice, type = "", errors = [], request_id: requestId, retryAfter }) {
    super(detail || title || TITLES[status]);
    this.status = status;
    this.title = title ?? TITLES[status] ?? `Error ${status}`;
    this.detail = detail;
    this.advice = advice ?? ADVICE[status];
    this.type = type;
    this.fields = errors;
    this.requestId = requestId;
    this.retryAfter = retryAfter;
  }

  /** Whether the same call may succeed later. */
  get retryable() {
    return [0, 429, 500, 502, 503, 504].includes(this.status);
  }
}

async function errorOf(response) {
  const text = await response.text().catch(() => "");
  let problem = {};
  try {
    problem = JSON.parse(text);
  } catch {
    // A proxy's own error page: only the status is known.
  }
  const after = Number(response.headers.get("retry-after"));
  const detail = problem.detail ?? problem.message ?? "";
  return new ApiError({ ...problem, detail, status: response.status, retryAfter: after > 0 ? after : undefined });
}

/** A page of text and the URL of the next one (RFC 8288, Link with rel="next"). */
async function pageOf(response) {
  const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(response.headers.get("link") ?? "")?.[1];
  return { text: await response.text(), next: next && new URL(next, response.url).href };
}

async function attempt(path, { method = "GET", body, type, signal, as = "json" } = {}) {
  const headers = { Accept: as === "page" ? "text/csv, application/problem+json" : JSON_TYPE };
  if (type) headers["Content-Type"] = type;
  if (key()) headers["X-Api-Key"] = key();
  let response;
  try {
    response = await fetch(path, { method, body, headers, signal, credentials: "omit" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError({ status: 0 });
  }
  if (!response.ok) throw await errorOf(response);
  try {
    if (as === "nothing") return undefined;
    return await (as === "json" ? response.json() : pageOf(response));
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError({ status: 0, detail: "the response was cut off" });
  }
}

/** Call the API and return its JSON, {text, next} with as: "page", or nothing with as: "nothing". Asks for a key if one is required, unless `quiet`. Throws ApiError or AbortError. */
export async function call(path, options) {
  for (;;) {
    const used = key();
    try {
      return await attempt(path, options);
    } catch (error) {
      if (!(error instanceof ApiError) || ![401, 403].includes(error.status) || options?.quiet) throw error;
      // Another call may have got a key in the meantime.
      const why = used ? "The service rejected this key. Check it for typos." : undefined;
      if (key() === used && !(await askForKey(why))) throw error;
    }
  }
}

/** A path with values in it, escaped: at`/v1/trained/${name}`. */
export const at = (strings, ...values) => String.raw({ raw: strings }, ...values.map(encodeURIComponent));

/** A path with options in its query; those without a value are left out. */
export function withOptions(path, options) {
  const query = new URLSearchParams(Object.entries(options).filter(([, value]) => value || value === 0)).toString();
  return query ? `${path}${path.includes("?") ? "&" : "?"}${query}` : path;
}

/** POST a JSON document. */
export const post = (path, document, options) =>
  call(path, { method: "POST", body: JSON.stringify(document), type: JSON_TYPE, ...options });
