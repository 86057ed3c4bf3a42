"""The engine as a server: jobs in, progress and results out, one job at a time, cancellable at any time."""

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterable

from .. import exr
from ..errors import AnchorStageError
from ..jobs import SceneCache, run_job
from ..progress import Progress
from ..version import version
from . import protocol

log = logging.getLogger(__name__)

Send = Callable[[str], None]


class Server:
    """Reads messages on one thread, runs jobs on another."""

    def __init__(self, send: Send) -> None:
        """Take where lines go; `send` is called from both threads, one whole line at a time."""
        self._send_unlocked = send
        self._lock = threading.Lock()
        self._requests: queue.Queue[protocol.Request | None] = queue.Queue()
        self._flags: dict[int, threading.Event] = {}
        self._scenes = SceneCache()

    def send(self, line: str) -> None:
        """Send one line, whole."""
        with self._lock:
            self._send_unlocked(line)

    def receive(self, line: str) -> None:
        """Take one line from Blender."""
        message = protocol.parse(line)
        if isinstance(message, protocol.Cancel):
            flag = self._flags.get(message.id)
            if flag is not None:
                flag.set()
            return
        self._flags[message.id] = threading.Event()
        self._requests.put(message)

    def finish(self) -> None:
        """No more requests will come; `run` returns after the current one, which is cancelled."""
        for flag in list(self._flags.values()):
            flag.set()
        self._requests.put(None)

    def run(self) -> None:
        """Run requests until `finish`."""
        while (request := self._requests.get()) is not None:
            self._run_one(request)
            self._flags.pop(request.id, None)

    def _run_one(self, request: protocol.Request) -> None:
        def report(fraction: float, stage: str) -> None:
            self.send(protocol.progress(request.id, fraction, stage))

        try:
            value = run_job(
                request.job, request.args, self._scenes, Progress(report, self._flags[request.id])
            )
        except AnchorStageError as error:
            self.send(protocol.error(request.id, type(error).__name__, str(error)))
        except MemoryError:
            message = "There is not enough memory for this. Use a smaller photo or fewer splats."
            self.send(protocol.error(request.id, "MemoryError", message))
        except Exception as error:
            log.exception("job %s failed", request.job)
            message = f"The engine met an error it did not expect ({type(error).__name__}: {error}). Nothing was changed."
            self.send(protocol.error(request.id, "InternalError", message))
        else:
            self.send(protocol.result(request.id, value))


def serve(lines: Iterable[str], send: Send) -> None:
    """Serve until `lines` ends. The caller's thread runs the jobs; another reads."""
    server = Server(send)

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


def refusal_inside() -> str | None:
    """Why the engine cannot run inside this process, in one sentence; None where it can."""
    return exr.clash()


def serve_process() -> int:
    """Serve on standard input and output; what else writes to standard output goes to standard error."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s"
    )
    wire = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)

    def send(line: str) -> None:
        try:
            wire.write(line)
            wire.flush()
        except (BrokenPipeError, ValueError):
            os._exit(0)  # Blender is gone; nobody waits for this job

    serve(sys.stdin, send)
    return 0
