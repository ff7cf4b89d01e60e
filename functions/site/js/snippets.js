// A call of the API as curl, Python and JavaScript, to be copied. The page of the API (infra/api) holds a copy of this file.

const KEY = "$SKYSORT_API_KEY";
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const json = (value) => JSON.stringify(value);
const indented = (value) => JSON.stringify(value, null, 2);

/** A JSON value as a Python literal. */
function python(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(python).join(", ")}]`;
  if (typeof value !== "object") return json(value);
  return `{${Object.entries(value).map(([name, inner]) => `${json(name)}: ${python(inner)}`).join(", ")}}`;
}

function withQuery(url, query) {
  const text = new URLSearchParams(query).toString();
  return text ? `${url}?${text}` : url;
}

function asCurl({ method, url, query, type, body, keyed }) {
  const words = [`curl ${quoted(withQuery(url, query))}`];
  if (method !== "GET" && !(method === "POST" && body)) words.push(`-X ${method}`);
  if (keyed) words.push(`-H "x-api-key: ${KEY}"`);
  if (type) words.push(`-H ${quoted(`Content-Type: ${type}`)}`);
  if (body?.files) words.push(...body.files.map((name) => `-F ${quoted(`file=@${name}`)}`));
  if (body?.file) words.push(`--data-binary ${quoted(`@${body.file}`)}`);
  if (body && "text" in body) words.push(`--data-binary ${quoted(body.text)}`);
  if (body && "value" in body) words.push(`-d ${quoted(json(body.value))}`);
  return words.join(" \\\n  ");
}

function asPython({ method, url, query, type, body, keyed }) {
  const given = [`    ${json(url)},`];
  if (Object.keys(query).length) given.push(`    params=${python(query)},`);
  const headers = [];
  if (keyed) headers.push('"x-api-key": os.environ["SKYSORT_API_KEY"]');
  if (type && !(body && "value" in body)) headers.push(`"Content-Type": ${json(type)}`);
  if (headers.length) given.push(`    headers={${headers.join(", ")}},`);
  if (body?.files) given.push(`    files=[${body.files.map((name) => `("file", open(${json(name)}, "rb"))`).join(", ")}],`);
  if (body?.file) given.push(`    data=open(${json(body.file)}, "rb"),`);
  if (body && "text" in body) given.push(`    data=${json(body.text)},`);
  if (body && "value" in body) given.push(`    json=${python(body.value)},`);
  given.push("    timeout=60,");
  return [
    ...(keyed ? ["import os", ""] : []),
    "import requests",
    "",
    `answer = requests.${method.toLowerCase()}(`,
    ...given,
    ")",
    "answer.raise_for_status()",
    "print(answer.text)",
  ].join("\n");
}

function asJavaScript({ method, url, query, type, body, keyed }) {
  const lines = [];
  const given = [];
  if (method !== "GET") given.push(`  method: ${json(method)},`);
  const headers = {};
  if (keyed) headers["x-api-key"] = "YOUR KEY";
  if (type) headers["Content-Type"] = type;
  if (Object.keys(headers).length) given.push(`  headers: ${json(headers)},`);
  if (body?.files) {
    lines.push("const form = new FormData();");
    lines.push('for (const file of document.querySelector("input[type=file]").files) form.append("file", file);', "");
    given.push("  body: form,");
  }
  if (body?.file) given.push('  body: document.querySelector("input[type=file]").files[0],');
  if (body && "text" in body) given.push(`  body: ${json(body.text)},`);
  if (body && "value" in body) given.push(`  body: JSON.stringify(${indented(body.value).replaceAll("\n", "\n  ")}),`);
  const address = json(withQuery(url, query));
  lines.push(given.length ? `const answer = await fetch(${address}, {\n${given.join("\n")}\n});` : `const answer = await fetch(${address});`);
  lines.push("if (!answer.ok) throw new Error(await answer.text());", "console.log(await answer.text());");
  return lines.join("\n");
}

/**
 * The same call in each language. call: method; url without its query; query: an object; type: the Content-Type where it
 * is not that of a form; keyed: whether a key is sent; body: {files} of a form, {file}, {text}, {value} of JSON, or null.
 */
export function snippets(call) {
  return { curl: asCurl(call), Python: asPython(call), JavaScript: asJavaScript(call) };
}
