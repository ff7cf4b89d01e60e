"""A model of pictures for jobs without a service, for which a picture is its text."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skysort.bulk.columns import PLACE, Column
from skysort.bulk.commit import Parts
from skysort.bulk.counts import Rows, Tally
from skysort.bulk.job_store import FolderJobStore
from skysort.bulk.part import PartSteps
from skysort.bulk.store import FolderSources

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skysort.bulk.engine import Work
    from skysort.bulk.manifest import Slice
    from skysort.bulk.output import Output
    from skysort.bulk.request import Job
    from skysort.bulk.store import SourceStore
    from skysort_cli.bulk_worker import Order
    from skysort_cli.worker_processes import Work as Calls

KILLS = b"kills "
REJECTED = b"no picture"


class TextEngine:
    """Classifies every picture as its text; one that begins with KILLS ends the process, once, and names a file."""

    version = "9.9"
    labels = ("Smooth", "Spiral")
    threads = 1

    def __init__(self, name: str) -> None:
        self.name = name

    def columns(self, _job: Job, _sources: SourceStore, _sample: Slice) -> Sequence[Column]:
        return (*PLACE, Column("label", "string"))

    def judge(self) -> None:
        """Nothing."""

    def run(self, work: Work, output: Output) -> Tally:
        tally = Tally()
        for part in work.slices:
            content = work.sources.read(part, 0, part.size)
            if content.startswith(KILLS):
                marker = Path(content.removeprefix(KILLS).decode())
                if not marker.exists():
                    marker.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                content = b"Smooth"
            if content == REJECTED:
                output.reject(part, [(1, "", "no_picture", "the content is text")])
                tally.slices.append(Rows(0, 1, 0))
                continue
            output.write([[part.source], [part.slice], [1], [content.decode()]])
            tally.slices.append(Rows(1, 0, 0))
            tally.classes[content.decode()] += 1
            work.check()
        return tally


class TextEngines:
    """Has one version of every model."""

    memory_mb = 1_024

    def get(self, job: Job, _version: str | None) -> Any:
        return TextEngine(job.model)


def text_steps(order: Order) -> Calls:
    """In place of skysort_cli.bulk_worker.made."""
    parts = Parts(FolderJobStore(Path(order.folder)), FolderSources(Path(order.sources)), TextEngines())
    return PartSteps(parts, __file__).run
