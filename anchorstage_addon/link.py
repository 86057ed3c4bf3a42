"""The link to the engine: a background thread that owns the engine worker.

`submit` starts a job and calls back on Blender's main thread; `call` blocks, from any thread (the render's). The worker
may crash or be killed: the job fails with one sentence and the next one starts a fresh worker.
"""

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bpy

from .link_worker import Setup, Worker, setup_from_preferences

log = logging.getLogger(__name__)

CANCEL_PATIENCE = 0.4  # seconds until a job that does not answer to cancel is ended with its process
START_PATIENCE = 60.0  # seconds for a worker's first line: a cold disk is slow
_POLL = 0.02  # seconds between looks at a job's messages
_TIMER = 0.05  # seconds between two emptyings of the queue on Blender's main thread

Result = dict[str, Any]


class EngineError(Exception):
    """The engine refused or failed; one sentence for the artist."""


class Stopped(Exception):
    """The job was cancelled."""


@dataclass(eq=False)
class Task:
    """A job on its way; the panel reads it."""

    job: str
    args: dict[str, Any]
    on_result: Callable[[Result], None] | None = None
    on_error: Callable[[Exception], None] | None = None
    prepare: Callable[[Result], Result] | None = None  # heavy work on the answer, on the link's thread; no bpy in it
    fraction: float = 0.0
    stage: str = "Starting the engine"
    result: Result | None = None
    error: Exception | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Stop within half a second."""
        self.cancelled.set()


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
        self._thread = threading.Thread(target=self._loop, name="AnchorStage link", daemon=True)
        self._thread.start()

    def put(self, task: Task) -> Task:
        """Queue a task; any thread."""
        self._tasks.put(task)
        return task

    def watch(self, task: Task) -> Task:
        """Queue a task whose callbacks Blender's main thread will run; main thread only."""
        self._waiting.append(task)
        if not bpy.app.timers.is_registered(_empty_queue):
            bpy.app.timers.register(_empty_queue, first_interval=_TIMER, persistent=True)
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
        return bool(self._waiting)

    def stop(self) -> None:
        """End the worker and the thread; what is under way is cancelled."""
        self._stopping.set()
        self._tasks.put(None)
        if self._worker is not None:
            self._worker.kill()
        self._thread.join(timeout=2.0)

    def _loop(self) -> None:
        while (task := self._tasks.get()) is not None and not self._stopping.is_set():
            try:
                result = self._run(task)
                task.result = task.prepare(result) if task.prepare is not None else result
            except (EngineError, Stopped) as error:
                task.error = error
            except Exception as error:
                log.exception("job %s failed in the link", task.job)
                task.error = EngineError(f"The link to the engine failed ({error}). Try again.")
            self._finished.put(task)
            task.done.set()
        if self._worker is not None:
            self._worker.kill()

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
                raise Stopped
            message = worker.receive(_POLL)
            if message is None:
                continue
            if "died" in message:
                self._worker = None
                raise Stopped if cancelled_at is not None else EngineError(_death(message["died"]))
            if message.get("id") != id:
                continue
            if "result" in message:
                return message["result"]
            if "error" in message:
                error = message["error"]
                raise Stopped if error["type"] == "Cancelled" else EngineError(error["message"])
            task.fraction, task.stage = message["progress"], message["stage"]

    def _ready_worker(self, task: Task) -> Worker:
        if self._worker is not None and self._worker.alive:
            return self._worker
        try:
            worker = self._setup.start()
        except OSError as error:
            raise EngineError(f"The engine could not be started ({error}). Reinstall the AnchorStage extension.") from error
        deadline = time.monotonic() + START_PATIENCE
        while time.monotonic() < deadline:
            message = worker.receive(_POLL)
            if message is not None and message.get("ready"):
                self._worker = worker
                return worker
            if message is not None and "refused" in message:
                raise EngineError(message["refused"])
            if message is not None and "died" in message:
                raise EngineError(f"The engine could not be started: {message['died']}. Reinstall the AnchorStage extension.")
            if task.cancelled.is_set() or self._stopping.is_set():
                worker.kill()
                raise Stopped
        worker.kill()
        raise EngineError("The engine did not start within a minute. Close other programs and try again.")


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


_link: Link | None = None
_setup: Setup | None = None  # read on the main thread; jobs may start on others, where bpy is not to be touched
_lock = threading.Lock()


def _get() -> Link:
    global _link
    with _lock:
        if _link is None:
            if _setup is None:
                raise EngineError("The AnchorStage extension is not enabled.")
            _link = Link(_setup)
        return _link


def _end() -> None:
    global _link
    with _lock:
        link, _link = _link, None
    if link is not None:
        link.stop()


def configure() -> None:
    """Read the preferences; the next job starts a worker of that kind. Main thread only."""
    global _setup
    _end()
    _setup = setup_from_preferences()


def submit(
    job: str,
    args: dict[str, Any],
    on_result: Callable[[Result], None] | None = None,
    on_error: Callable[[Exception], None] | None = None,
    prepare: Callable[[Result], Result] | None = None,
) -> Task:
    """Start a job; callbacks come on the main thread. Main thread only."""
    return _get().watch(Task(job, args, on_result, on_error, prepare))


def call(
    job: str,
    args: dict[str, Any],
    should_stop: Callable[[], bool] | None = None,
    on_progress: Callable[[float, str], None] | None = None,
) -> Result:
    """Run a job and wait for it; any thread.

    Raises:
        EngineError: one sentence for the artist.
        Stopped: `should_stop` turned true.
    """
    task = _get().put(Task(job, args))
    while not task.done.wait(_POLL):
        if should_stop is not None and should_stop():
            task.cancel()
        if on_progress is not None:
            on_progress(task.fraction, task.stage)
    if task.error is not None:
        raise task.error
    return task.result or {}


def tasks() -> list[Task]:
    """Jobs with callbacks that are under way, for the panel."""
    return _link.tasks if _link is not None else []


def _empty_queue() -> float | None:
    """The persistent timer: run callbacks, redraw the panels, end when nothing is under way."""
    busy = _link is not None and _link.deliver()
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()
    return _TIMER if busy else None


def register() -> None:
    """Read the preferences; nothing starts before the first job."""
    configure()


def unregister() -> None:
    """Stop the thread and the worker."""
    if bpy.app.timers.is_registered(_empty_queue):
        bpy.app.timers.unregister(_empty_queue)
    _end()
