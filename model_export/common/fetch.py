"""Large downloads: progress, resumption, and a checksum computed in blocks."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from model_export.common.cli import progress
from skysort.errors import ConfigurationError, InfrastructureError

if TYPE_CHECKING:
    from pathlib import Path

TIMEOUT_S: Final = 30.0
CHUNK: Final = 1 << 20
PARTIAL_CONTENT: Final = 206
RANGE_NOT_SATISFIABLE: Final = 416


def fetch(url: str, path: Path, *, digest: str | None = None, algorithm: str = "sha256") -> Path:
    """Download a file to `path`, resuming an interrupted download; a complete, correct file is kept.

    Parameters
    ----------
    url
        An http or https address.
    path
        The destination. An incomplete download is kept beside it with the suffix `.part`.
    digest
        The hexadecimal checksum, or its first digits; None to accept any content.
    algorithm
        Hash algorithm of the checksum.

    Returns
    -------
    Path
        The complete file.

    Raises
    ------
    ConfigurationError
        For another scheme, or a wrong checksum (the file is removed).
    InfrastructureError
        If the server cannot be reached or closes the connection early.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ConfigurationError(f"data sets can be downloaded over http or https only (got {url})")
    if path.exists() and (digest is None or checksum(path, algorithm).startswith(digest.lower())):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    _continue(url, part)
    if digest is not None and not (actual := checksum(part, algorithm)).startswith(digest.lower()):
        part.unlink()
        raise ConfigurationError(
            f"{path.name} has the {algorithm} {actual}, expected {digest}: the download is damaged or a different "
            "file; it was removed, try again"
        )
    return part.replace(path)


def checksum(path: Path, algorithm: str) -> str:
    """The hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _continue(url: str, part: Path) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310 - http(s), checked by the caller
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer, progress() as bar:  # noqa: S310
            # A server that ignores the range sends the whole file.
            start = have if answer.status == PARTIAL_CONTENT else 0
            total = start + int(answer.headers.get("Content-Length") or 0)
            task = bar.add_task(part.stem, total=total or None, completed=start)
            with part.open("ab" if start else "wb") as file:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    bar.advance(task, len(chunk))
    except urllib.error.HTTPError as problem:
        if problem.code == RANGE_NOT_SATISFIABLE:
            return  # all of it is there already; the checksum decides
        raise InfrastructureError(f"{url} answered {problem.code} {problem.reason}") from problem
    except OSError as problem:
        raise InfrastructureError(
            f"the download of {url} was interrupted ({problem}); run it again to continue"
        ) from problem
    if (size := part.stat().st_size) < total:
        raise InfrastructureError(
            f"the download of {url} stopped after {size:,} of {total:,} bytes; run it again to continue"
        )
