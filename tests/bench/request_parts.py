"""Where the time of one picture request goes, part by part: `python -m tests.bench.request_parts image photo.jpg`.

Every part is run alone, by turns with the others, in this process; the least of many runs is what it costs where
nothing else wants the core. The parts of one request are worked off one after another, in two processes.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import socket
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from infra.api.routes import Match, Route
from infra.local import sandbox
from infra.local.events import EventBuilder, Request
from infra.stages.api import BINARY_MEDIA_TYPES
from skysort.cache import AnswerCache
from skysort.http.api import raw_body, serve
from skysort.http.pictures import picture_api
from skysort.pictures import decode
from skysort.pictures.classify import PictureClassifier
from skysort.pictures.model import PictureModel
from tests.bench.pictures import large_photograph

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).resolve().parents[2]
RUNS: Final = 40


def parts(model: str, picture: bytes) -> dict[str, Callable[[], Any]]:
    """What a request runs through, in its order, then the whole of what happens in the function."""
    match = Match(Route("POST", f"/v1/classify/{model}", model))
    request = Request("POST", match.route.path, "", [(b"content-type", b"image/jpeg")], picture, "127.0.0.1")
    builder = EventBuilder("local", 8000, BINARY_MEDIA_TYPES)
    built = builder.event(request, match, "an-id")
    event = json.loads(built.payload)
    loaded = PictureModel.load(ROOT / "functions" / model / "model")
    api = picture_api(model, PictureClassifier(loaded, AnswerCache(0)))
    context: Any = SimpleNamespace(
        function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r"
    )
    proxied = SimpleNamespace(body=event["body"], is_base64_encoded=True)
    opened = decode.read(picture, loaded.spec)
    pixels = opened.pixels[np.newaxis]
    return {
        "gateway: the event": lambda: builder.event(request, match, "an-id"),
        "socket to the sandbox": lambda: _through_a_socket(built.payload),
        "sandbox: JSON of the event": lambda: json.loads(built.payload),
        "base64": lambda: raw_body(proxied),  # type: ignore[arg-type]  # all that it reads of an event
        "hash for the cache": lambda: hashlib.sha256(picture).digest(),
        "decode and resize": lambda: decode.read(picture, loaded.spec),
        "network": lambda: loaded.predict(pixels),
        "function as a whole, no cache": lambda: serve(api, event, context),
    }


def measure(model: str, picture: bytes, runs: int = RUNS) -> dict[str, float]:
    """Milliseconds of each part, the least of the runs."""
    steps = parts(model, picture)
    least = dict.fromkeys(steps, float("inf"))
    for _ in range(runs):
        for name, step in steps.items():
            with contextlib.redirect_stdout(io.StringIO()):
                started = time.perf_counter()
                step()
                least[name] = min(least[name], (time.perf_counter() - started) * 1e3)
    return least


def _through_a_socket(event: bytes) -> None:
    ours, theirs = socket.socketpair()
    frame = sandbox.INVOKE.pack(len(event), 0.0, bytes(36)) + event
    sender = threading.Thread(target=ours.sendall, args=(frame,))
    sender.start()
    channel = sandbox.Channel(theirs.detach())
    channel.receive()
    sender.join()
    ours.close()
    channel.close()


def main() -> None:
    """Print the parts."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.request_parts", description=__doc__)
    parser.add_argument("model", choices=("galaxy", "image"))
    parser.add_argument("picture", type=Path, nargs="?", help="a picture's file (default: 12 megapixels, 1.6 MB)")
    parser.add_argument("--runs", type=int, default=RUNS)
    chosen = parser.parse_args()
    picture = chosen.picture.read_bytes() if chosen.picture else large_photograph()
    for name, milliseconds in measure(chosen.model, picture, chosen.runs).items():
        print(f"{name:30}{milliseconds:9.3f} ms", file=sys.stderr)


if __name__ == "__main__":
    main()
