"""The OpenAPI document as a self-contained HTML page without scripts, pictures or further requests."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Node = Mapping[str, Any]

_STYLE: Final = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--get:#0a7d4d;--post:#9a4a00}
@media (prefers-color-scheme:dark){:root{--get:#5fd7a5;--post:#ffb36b}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem 1.25rem 4rem}
nav ul{columns:2;padding-left:1rem}h2{margin-top:2.5rem;border-bottom:1px solid var(--line)}
section{border:1px solid var(--line);border-radius:.5rem;padding:0 1rem 1rem;margin:1rem 0}
code,pre{font:14px/1.45 ui-monospace,monospace}
pre{background:var(--soft);padding:.75rem;overflow:auto;border-radius:.4rem}
table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem .3rem 0;border-bottom:1px solid var(--line)}
.get{color:var(--get)}.post{color:var(--post)}summary{cursor:pointer}:target{outline:2px solid var(--get)}
@media (max-width:40rem){nav ul{columns:1}table{display:block;overflow:auto}}
""".strip()
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
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>{escape(info['title'])}: the API</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>"
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
    yield "</main>\n</body>\n</html>"


def _call(method: str, path: str, call: Node, document: Node) -> Iterator[str]:
    yield f'<section id="{call["operationId"]}">'
    yield f'<h3><code><span class="{method}">{method.upper()}</span> {escape(path)}</code></h3>'
    yield f"<p>{escape(call['description'])}</p>"
    yield f"<pre>{escape(_curl(method, path, call))}</pre>"
    if "parameters" in call:
        yield _head("Parameter", "In", "Values", "Description")
        for parameter in call["parameters"]:
            values = _values(parameter["schema"])
            about = escape(parameter.get("description", ""))
            yield f"<tr><td><code>{parameter['name']}</code><td>{parameter['in']}<td>{values}<td>{about}"
        yield "</tbody></table>"
    for media_type, body in call.get("requestBody", {}).get("content", {}).items():
        yield f"<details><summary>Body as <code>{escape(media_type)}</code></summary>"
        for name, example in body.get("examples", {}).items():
            yield f"<p>Example: {escape(name)}</p>{_json(example['value'])}"
        yield f"<p>Schema</p>{_json(body['schema'])}</details>"
    yield _head("Status", "Response")
    for status, response in call["responses"].items():
        yield f"<tr><td>{status}<td>{_response(response, document)}"
    yield "</tbody></table>\n</section>"


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
    return f"<pre>{escape(text)}</pre>"
