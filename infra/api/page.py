"""The OpenAPI document as a self-contained HTML page, readable without scripts; with them each call can be tried."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = Mapping[str, Any]

_CONSOLE: Final = Path(__file__).parent / "console"
# Shared with the web page, which imports it as a module.
_SNIPPETS: Final = ROOT / "functions" / "site" / "js" / "snippets.js"
# Pictures are answered with data URLs.
_LONGEST_TEXT: Final = 200
_SAMPLE_FILES: Final = {
    "image/jpeg": "events/galaxy_spiral.jpg",
    "multipart/form-data": "events/galaxy_spiral.jpg",
    "text/csv": "events/stars.csv",
}
_SAMPLE_NAMES: Final = {
    "batch": "night-1",
    "name": "star",
    "version": "0123456789ab",
    "id": "pictures-20261128-084500-1a2b3c",
}


def render(document: Node) -> str:
    """Render a document built by infra.api.document."""
    return "\n".join(_page(document)) + "\n"


def _page(document: Node) -> Iterator[str]:
    info = document["info"]
    style = (_CONSOLE / "console.css").read_text("utf-8").strip()
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(info['title'])}: the API</title>\n<style>{style}</style>\n</head>\n<body>\n<main>"
    yield f"<h1>{escape(info['title'])}: the API <small>{escape(info['version'])}</small></h1>"
    yield f'<p>{escape(info["description"])} As a document for programs: <a href="openapi.json">openapi.json</a>.</p>'
    calls = [(method, path, call) for path, calls in document["paths"].items() for method, call in calls.items()]
    yield '<nav aria-label="Calls"><ul>'
    for method, path, call in calls:
        yield f'<li><a href="#{call["operationId"]}"><code>{method.upper()} {escape(path)}</code></a></li>'
    yield "</ul></nav>"
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'].capitalize())}</h2>\n<p>{escape(tag['description'])}</p>"
        for method, path, call in calls:
            if tag["name"] in call["tags"]:
                yield from _call(method, path, call, document)
    yield "<h2>Schemas</h2>"
    for name, schema in document["components"]["schemas"].items():
        yield f'<details id="{name}"><summary><code>{name}</code> {escape(schema.get("description", ""))}</summary>'
        yield f"{_json(schema)}</details>"
    yield f'</main>\n<script type="module">{_script()}</script>\n</body>\n</html>'


def _script() -> str:
    """The console with the snippets, which are a module of their own on the web page."""
    snippets = _SNIPPETS.read_text("utf-8").replace("export function", "function")
    return f"\n{snippets}\n{(_CONSOLE / 'console.js').read_text('utf-8')}"


def _call(method: str, path: str, call: Node, document: Node) -> Iterator[str]:
    yield f'<section id="{call["operationId"]}" data-method="{method.upper()}" data-path="{escape(path)}">'
    yield f'<h3><code><span class="{method}">{method.upper()}</span> {escape(path)}</code></h3>'
    yield f"<p>{escape(call['description'])}</p>"
    yield f'<pre class="curl" tabindex="0">{escape(_curl(method, path, call), quote=False)}</pre>'
    if "parameters" in call:
        yield _head("Parameter", "In", "Values", "Description")
        for parameter in call["parameters"]:
            values = _values(parameter["schema"])
            about = escape(parameter.get("description", ""))
            yield f"<tr><td><code>{parameter['name']}</code><td>{parameter['in']}<td>{values}<td>{about}"
        yield "</tbody></table>"
    for media_types, body in _bodies(call):
        names = ", ".join(f"<code>{escape(name)}</code>" for name in media_types)
        yield f"<details><summary>Body as {names}</summary>"
        for name, example in body.get("examples", {}).items():
            yield f"<p>Example: {escape(name)}</p>{_json(example['value'])}"
        yield f"<p>Schema</p>{_json(body['schema'])}</details>"
    yield _head("Status", "Response")
    for status, response in call["responses"].items():
        yield f"<tr><td>{status}<td>{_response(response, document)}"
    yield "</tbody></table>"
    for status, response in call["responses"].items():
        for content in response.get("content", {}).values():
            if "example" in content:
                example = _json(_short(content["example"]))
                yield f"<details><summary>An answer, status {status}</summary>{example}</details>"
    yield "</section>"


def _bodies(call: Node) -> list[tuple[list[str], Node]]:
    """The bodies that a call takes, each with the media types that it may have."""
    bodies: list[tuple[list[str], Node]] = []
    for media_type, body in call.get("requestBody", {}).get("content", {}).items():
        alike = next((names for names, other in bodies if other == body), None)
        if alike is None:
            bodies.append(([media_type], body))
        else:
            alike.append(media_type)
    return bodies


def _head(*columns: str) -> str:
    cells = "".join(f'<th scope="col">{column}' for column in columns)
    return f"<table><thead><tr>{cells}</thead><tbody>"


def _response(response: Node, document: Node) -> str:
    if "$ref" in response:
        response = document["components"]["responses"][response["$ref"].rpartition("/")[2]]
    if "content" not in response:
        return escape(response["description"])
    ((media_type, content),) = response["content"].items()
    name = content["schema"].get("$ref", "").rpartition("/")[2]
    link = f', <a href="#{name}">{name}</a>' if name else ""
    return f"{escape(response['description'])} <code>{escape(media_type)}</code>{link}"


def _values(schema: Node) -> str:
    if any("pattern" in option for option in schema.get("anyOf", ())):
        options = ({**option, "enum": option.get("enum") or [option["pattern"]]} for option in schema["anyOf"])
        return ", ".join(map(_values, options))
    if "enum" in schema:
        return ", ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f'<a href="#{name}">{name}</a>'
    bounds = [f"{word} {schema[key]}" for key, word in (("minimum", "from"), ("maximum", "to")) if key in schema]
    return escape(" ".join([str(schema.get("type", "")), *bounds]))


def _curl(method: str, path: str, call: Node) -> str:
    named = {**_SAMPLE_NAMES, **({"name": "rings"} if "training" in call["tags"] else {})}
    address = "http://127.0.0.1:8000" + path.format(**named)
    content = call.get("requestBody", {}).get("content", {})
    for media_type, file in _SAMPLE_FILES.items():
        if media_type in content and media_type == "image/jpeg":
            return f"curl {address} -H 'Content-Type: {media_type}' --data-binary @{file}"
    for media_type, body in content.items():
        for example in body.get("examples", {}).values():
            text = json.dumps(example["value"])
            return f"curl {address} -H 'Content-Type: {media_type}' -d {shlex.quote(text)}"
    return f"curl {address}" if method == "get" else f"curl -X {method.upper()} {address}"


def _json(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False)
    # Quotes need no escaping in text, and are a quarter of it.
    return f'<pre tabindex="0">{escape(text, quote=False)}</pre>'


def _short(value: object) -> object:
    """An example of an answer, with its long texts (data URLs, CSV) cut off."""
    if isinstance(value, str):
        text = value.replace("\r\n", "\n")
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
    if isinstance(value, list):
        return [_short(inner) for inner in value]
    return {name: _short(inner) for name, inner in value.items()} if isinstance(value, Mapping) else value
