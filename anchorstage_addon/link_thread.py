"""The background thread that owns the engine worker, its queue of tasks, and what may become of them.

It knows no bpy. The worker may crash or be killed: the job fails with one sentence and the next one starts a fresh worker.
"""

import errno
import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .link_worker import Setup, Worker

log = logging.getLogger(__name__)

CANCEL_PATIENCE = (
    0.4  # seconds until a job that does not answer to cancel is ended with its process
)
START_PATIENCE = 60.0  # seconds for a worker's first line: a cold disk is slow
ENDED = "The engine was stopped, since the extension was switched off or its preferences changed. Start the work again."
POLL = 0.02  # seconds between looks at a job's messages

Result = dict[str, Any]

_numbers = itertools.count(1)


class EngineError(Exception):
    """The engine refused or failed; one sentence for the artist."""

    def __init__(self, sentence: str, kind: str = "") -> None:
        super().__init__(sentence)
        self.kind = kind  # the engine's own name of the error, where it refused


class Stopped(Exception):
    """The job was cancelled."""


@dataclass(eq=False)
class Task:
    """A job on its way; the panel reads it."""

    job: str
    args: dict[str, Any]
    on_result: Callable[[Result], None] | None = None
    on_error: Callable[[Exception], None] | None = None
    prepare: Callable[[Result], Result] | None = (
        None  # heavy work on the answer, on the link's thread; no bpy in it
    )
    fraction: float = 0.0
    stage: str = "Starting the engine"
    result: Result | None = None
    error: Exception | None = None
    number: int = field(default_factory=lambda: next(_numbers))
    cancelled: threading.Event = field(default_factory=threading.Event)
    started: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Stop within half a second."""
        self.cancelled.set()

    @property
    def given_up(self) -> bool:
        """Cancelled before its turn came: it will not run, and nobody needs to wait for its turn."""
        return self.cancelled.is_set() and not self.started.is_set()


class Link:
    """The background thread, its queue of tasks and its worker."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._tasks: queue.Queue[Task | None] = queue.Queue()
        self._finished: queue.Queue[Task] = queue.Queue()
        self._waiting: list[Task] = []
        self._ids = itertools.count(1)
        self._worker: Worker | None = None
        self._stopping = threading.Event()
        self._closing = (
            threading.Lock()
        )  # either a task comes before the end and is run or ended, or it comes after
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="AnchorStage link", daemon=True)
        self._thread.start()

    def put(self, task: Task) -> Task:
        """Queue a task; any thread. Of a link that has ended it comes back at once, with an error."""
        with self._closing:
            if not self._closed:
                self._tasks.put(task)
                return task
        self._leave(task, EngineError(ENDED))
        return task

    def watch(self, task: Task) -> Task:
        """Queue a task whose callbacks Blender's main thread will run; main thread only."""
        self._waiting.append(task)
        return self.put(task)

    @property
    def tasks(self) -> list[Task]:
        """Tasks with callbacks that have not come back yet."""
        return list(self._waiting)

    def deliver(self) -> bool:
        """Run the callbacks of finished tasks; main thread. Returns whether any task is still under way."""
        while not self._finished.empty():
            task = self._finished.get()
            if task in self._waiting:
                self._waiting.remove(task)
                _call_back(task)
        for task in [task for task in self._waiting if task.given_up]:
            self._waiting.remove(task)
            task.error = Stopped()
            _call_back(task)
        return bool(self._waiting)

    def abandon(self) -> None:
        """Tell those who wait for callbacks that none will come; main thread, after `stop`."""
        self.deliver()
        while self._waiting:
            task = self._waiting.pop(0)
            task.error = EngineError(ENDED)
            _call_back(task)

    def stop(self) -> None:
        """End the worker and the thread; what is under way is cancelled."""
        self._stopping.set()
        self._tasks.put(None)
        worker = self._worker
        if worker is not None:
            worker.kill()
        self._thread.join(timeout=2.0)

    def _loop(self) -> None:
        while (task := self._tasks.get()) is not None and not self._stopping.is_set():
            task.started.set()
            error: Exception | None = None
            try:
                result = self._run(task)
                task.result = task.prepare(result) if task.prepare is not None else result
            except (EngineError, Stopped) as refusal:
                error = refusal
            except Exception as fault:
                log.exception("job %s failed in the link", task.job)
                error = EngineError(f"The link to the engine failed ({fault}). Try again.")
            self._leave(task, error)
        if self._worker is not None:
            self._worker.kill()
        if task is not None:
            self._leave(task, EngineError(ENDED))
        self._close()

    def _leave(self, task: Task, error: Exception | None) -> None:
        task.error = error
        if (
            task in self._waiting
        ):  # nobody would ever take out the others: two a frame, in a render of many thousands
            self._finished.put(task)
        task.done.set()

    def _close(self) -> None:
        """End what is still queued: the render thread may wait for it."""
        with self._closing:
            self._closed = True
            while not self._tasks.empty():
                task = self._tasks.get()
                if task is not None:
                    self._leave(task, EngineError(ENDED))

    def _run(self, task: Task) -> Result:
        if task.cancelled.is_set():
            raise Stopped
        worker = self._ready_worker(task)
        id = next(self._ids)
        worker.send({"id": id, "job": task.job, "args": task.args})
        cancelled_at: float | None = None
        while True:
            if cancelled_at is None and task.cancelled.is_set():
                cancelled_at = time.monotonic()
                worker.send({"cancel": id})
            if cancelled_at is not None and time.monotonic() - cancelled_at > CANCEL_PATIENCE:
                self._worker = None
                worker.kill()
                worker.clear_leftovers(task.args.get("output"))
                raise Stopped
            message = worker.receive(POLL)
            if message is None:
                continue
            if "died" in message:
                self._worker = None
                worker.clear_leftovers(task.args.get("output"))
                raise self._ending(task, _death(message["died"]))
            if message.get("id") != id:
                continue
            if "result" in message:
                return message["result"]
            if "error" in message:
                error = message["error"]
                if error["type"] == "Cancelled":
                    raise self._ending(task, error["message"])
                raise EngineError(error["message"], error["type"])
            task.fraction, task.stage = message["progress"], message["stage"]

    def _ending(self, task: Task, otherwise: str) -> Exception:
        """Why a job did not come to its end: cancelled, or stopped with the link, or another reason."""
        if task.cancelled.is_set():
            return Stopped()
        return EngineError(ENDED if self._stopping.is_set() else otherwise)

    def _ready_worker(self, task: Task) -> Worker:
        if self._worker is not None and self._worker.alive:
            return self._worker
        try:
            worker = self._setup.start()
        except OSError as error:
            raise EngineError(_not_started(error)) from error
        deadline = time.monotonic() + START_PATIENCE
        while time.monotonic() < deadline:
            message = worker.receive(POLL)
            if message is not None and message.get("ready"):
                self._worker = worker
                return worker
            if message is not None and "refused" in message:
                raise EngineError(message["refused"])
            if message is not None and "died" in message:
                raise EngineError(
                    f"The engine could not be started: {message['died']}. Reinstall the AnchorStage extension."
                )
            if task.cancelled.is_set() or self._stopping.is_set():
                worker.kill()
                raise self._ending(task, ENDED)
        worker.kill()
        raise EngineError(
            "The engine did not start within a minute. Close other programs and try again."
        )


def _not_started(error: OSError) -> str:
    remedy = "Reinstall the AnchorStage extension."
    if isinstance(error, PermissionError):
        remedy = "Where this machine forbids child processes, switch “Run the engine inside Blender” on in the preferences."
    elif error.errno in (errno.EAGAIN, errno.ENOMEM):
        remedy = "Close other programs and try again."
    return f"The engine could not be started ({error.strerror or error}). {remedy}"


def _death(reason: str) -> str:
    return f"The engine stopped unexpectedly ({reason}). Nothing was changed; try again."


def _call_back(task: Task) -> None:
    try:
        if task.error is not None and task.on_error is not None:
            task.on_error(task.error)
        elif task.error is None and task.on_result is not None and task.result is not None:
            task.on_result(task.result)
    except Exception:
        log.exception("the callback of %s failed", task.job)
