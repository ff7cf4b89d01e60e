"""Runs a file that may have killed its function alone, in a child process.

Lambda does not report a killed function; its messages are delivered again. A file that kills would come as often as its
queue allows, and each time fail the files processed beside it.

The child's program is skysort.drop.child.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from skysort.child_process import ChildExit, kill_after, run_child
from skysort.drop.child import MODULE, Order
from skysort.drop.deadline import OutOfTimeError
from skysort.drop.files import temporary_folder
from skysort.drop.ledger import Outcome, Report
from skysort.errors import InfrastructureError, InputError, LimitExceededError, MalformedInputError
from skysort.limits import DROP_ALONE_MEMORY_SHARE, DROP_FILE_S, MIB
from skysort.restrained import DONE, RETRYABLE

if TYPE_CHECKING:
    from skysort.drop.deadline import Deadline
    from skysort.drop.event import Upload
    from skysort.drop.worker import DropWorker

_ADVICE: Final = "split it, or convert it to another format, and drop it again"


class IsolatedWorker:
    """Processes one file at a time in a child process, within one invocation.

    worker: the function's, for work outside the child. handler: path of the function's handler module, which the child
    imports. memory_bytes: the function's memory, of which the child gets a share.
    """

    def __init__(self, worker: DropWorker, handler: str, memory_bytes: int) -> None:
        self._worker = worker
        self._handler = handler
        self._first = True
        self._memory = int(memory_bytes * DROP_ALONE_MEMORY_SHARE)

    def process(self, upload: Upload, deadline: Deadline) -> tuple[Outcome, Report]:
        """Process one upload unless it has an outcome; a file that ends its process is refused.

        Returns
        -------
        tuple[Outcome, Report]
            The outcome and the model's report, which is empty if the upload already had its outcome.

        Raises
        ------
        InfrastructureError
            The upload should be delivered again.
        OutOfTimeError
            The same: the file had less than a full invocation's time.
        """
        settled = self._worker.settled(upload)
        if settled is not None:
            return settled, Report({})
        deadline.begin()
        # No later invocation has more time for a file than this one has for its first.
        full_time, self._first = self._first, False
        allowed_s = min(deadline.left(), DROP_FILE_S)
        child = self._run(upload, allowed_s)
        if not child.answers:
            raise InfrastructureError(f"the process for {upload.key} did not start: it ended with {child.status}")
        answer = child.answer
        if child.late and not full_time and allowed_s < DROP_FILE_S:
            raise OutOfTimeError("the invocation ended before the file was done; the next one tries again")
        if answer is not None and answer["state"] == DONE:
            return Outcome(answer["outcome"]), Report(answer["summary"], answer["counts"])
        if answer is not None and answer["state"] == RETRYABLE:
            raise InfrastructureError(answer["detail"])
        return self._worker.refuse(upload, self._fault(child, allowed_s))

    def _fault(self, child: ChildExit, allowed_s: float) -> InputError:
        """The error of a file that was not classified."""
        if child.late:
            return LimitExceededError(
                f"the file was not done after {allowed_s:,.0f} s, alone and at the third attempt; "
                "split it and drop the parts as separate files"
            )
        if child.answer is not None:
            detail = child.answer["detail"]
            if child.answer["limit"]:
                return LimitExceededError(f"{detail}; {_ADVICE}")
            return MalformedInputError(f"{detail}, as in two attempts before; {_ADVICE}")
        if child.out_of_memory:
            return LimitExceededError(
                f"the file needs more memory than is available for one, {self._memory // MIB:,} MiB; {_ADVICE}"
            )
        return MalformedInputError(
            f"the file crashed its process, alone and at the third attempt ({child.status}); {_ADVICE}"
        )

    def _run(self, upload: Upload, allowed_s: float) -> ChildExit:
        kill_s = kill_after(allowed_s)
        order = Order(self._handler, upload, allowed_s, kill_s, self._memory)
        # Its own folder, so that a killed process leaves nothing in /tmp.
        with temporary_folder() as temporary:
            return run_child(MODULE, order.encode(), kill_s, temporary, upload.key)
