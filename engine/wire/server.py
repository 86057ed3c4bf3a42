"""The engine as a server: jobs in, progress and results out, cancellable at any time.

Jobs run in two lanes, each with a thread of its own and one job at a time: a quick one (a frame, a
file to finish) never waits for a long one (a reconstruction). A third thread reads, so that a
cancel reaches either lane at once.
"""

import logging
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from ..blobs import Blobs
from ..errors import AnchorStageError, Cancelled
from ..jobs import FILES, Desk, Job, Lane, find
from ..jobs.scene_cache import SceneCache
from ..options import record_from
from ..progress import Progress
from ..store import announcing
from ..version import version
from . import protocol

log = logging.getLogger(__name__)

Send = Callable[[str], None]
OpenBlobs = Callable[[protocol.Request], Blobs]

LANES: tuple[Lane, ...] = ("quick", "long")
NO_MEMORY = "There is not enough memory for this. Use a smaller photo or fewer splats."


@dataclass(eq=False)
class _Ticket:
    """A request on its way through the server."""

    request: protocol.Request
    cancelled: threading.Event = field(default_factory=threading.Event)
    started: bool = False


class Server:
    """Takes lines, runs their jobs in lanes, sends lines."""

    def __init__(
        self,
        send: Send,
        open_blobs: OpenBlobs = protocol.local_blobs,
        find_job: Callable[[str], Job] = find,
    ) -> None:
        """Take where lines go, and how blobs and jobs are found.

        Args:
            send: called from several threads, one whole line at a time.
            open_blobs: gives a request's blobs, which depend on the way that it came.
            find_job: gives a job by its name.
        """
        self._send_unlocked = send
        self._sending = threading.Lock()
        self._open_blobs = open_blobs
        self._find_job = find_job
        self._lanes: dict[Lane, queue.Queue[_Ticket | None]] = {
            lane: queue.Queue() for lane in LANES
        }
        self._tickets: dict[int, _Ticket] = {}
        self._changing = threading.Lock()  # of a ticket from waiting to started, or to cancelled
        self._scenes = SceneCache()

    def send(self, line: str) -> None:
        """Send one line, whole."""
        with self._sending:
            self._send_unlocked(line)

    def receive(self, line: str) -> None:
        """Take one line from Blender.

        Raises:
            ProtocolError: it is no message.
        """
        message = protocol.parse(line)
        if isinstance(message, protocol.Cancel):
            self._cancel(message.id)
            return
        ticket = _Ticket(message)
        self._tickets[message.id] = ticket
        self._lanes[self._lane_of(message.job)].put(ticket)

    def finish(self) -> None:
        """Take no more requests; `run` returns after the current ones, which are cancelled."""
        for ticket in list(self._tickets.values()):
            ticket.cancelled.set()
        for lane in self._lanes.values():
            lane.put(None)

    def run(self) -> None:
        """Run requests until `finish`: the long ones on this thread, the quick ones on another."""
        quick = threading.Thread(
            target=self._run_lane, args=("quick",), name="AnchorStage quick lane", daemon=True
        )
        quick.start()
        self._run_lane("long")
        quick.join()

    def _lane_of(self, job: str) -> Lane:
        """The lane of a job; an unknown one fails at once, in the quick lane."""
        try:
            return self._find_job(job).lane
        except AnchorStageError:
            return "quick"

    def _cancel(self, job_id: int) -> None:
        """Stop a job at its next look at the flag; one that waits for its lane ends now."""
        ticket = self._tickets.get(job_id)
        if ticket is None:
            return
        with self._changing:
            ticket.cancelled.set()
            waits = not ticket.started
            if waits:
                del self._tickets[job_id]
        if waits:
            cancelled = Cancelled()
            self.send(protocol.error(job_id, type(cancelled).__name__, str(cancelled)))

    def _run_lane(self, lane: Lane) -> None:
        while (ticket := self._lanes[lane].get()) is not None:
            with self._changing:
                was_cancelled = ticket.request.id not in self._tickets
                ticket.started = not was_cancelled
            if not was_cancelled:
                self._run_one(ticket)
                self._tickets.pop(ticket.request.id, None)

    def _run_one(self, ticket: _Ticket) -> None:
        request = ticket.request

        def report(fraction: float, stage: str) -> None:
            self.send(protocol.progress(request.id, fraction, stage))

        try:
            job = self._find_job(request.job)
            options: object = record_from(job.options, request.args, f"The job “{request.job}”")
            progress = Progress(report, ticket.cancelled)
            desk = Desk(self._scenes, self._open_blobs(request), progress)
            with announcing(lambda path: self.send(protocol.writing(request.id, path))):
                value = job.run(options, desk)
        except AnchorStageError as error:
            self.send(protocol.error(request.id, type(error).__name__, str(error)))
        except MemoryError:
            self.send(protocol.error(request.id, "MemoryError", NO_MEMORY))
        except Exception as error:
            log.exception("job %s failed", request.job)
            message = (
                f"The engine met an error it did not expect ({type(error).__name__}: {error}). "
                "Nothing was changed."
            )
            self.send(protocol.error(request.id, "InternalError", message))
        else:
            self.send(protocol.result(request.id, value))


def serve(
    lines: Iterable[str],
    send: Send,
    open_blobs: OpenBlobs = protocol.local_blobs,
    find_job: Callable[[str], Job] = find,
) -> None:
    """Serve until `lines` ends; the caller's thread runs the long jobs.

    Args:
        lines: from Blender; another thread reads them.
        send: called with each line for Blender.
        open_blobs: gives a request's blobs.
        find_job: gives a job by its name.
    """
    for name in FILES:
        find_job(name)  # loads what the jobs need before the first one is waited for
    server = Server(send, open_blobs, find_job)

    def read() -> None:
        for line in lines:
            if not line.strip():
                continue
            try:
                server.receive(line)
            except protocol.ProtocolError:
                log.warning("ignored a line that is no message")
        server.finish()

    threading.Thread(target=read, name="AnchorStage messages", daemon=True).start()
    server.send(protocol.ready(version()))
    server.run()
