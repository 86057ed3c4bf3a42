"""The background thread that owns the engine worker, its tasks, and what may become of them.

It calls no bpy. Every task is sent to the worker at once, which runs quick and long jobs beside
each other. The worker may crash or be killed: its jobs fail with one sentence, and the next one
starts a fresh worker. Where it is killed for the sake of one job that does not answer to cancel,
the other jobs begin again on the fresh worker.
"""

import errno
import itertools
import logging
import queue
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .task import EngineError, Result, Stopped, Task
from .worker import Setup, Worker

log = logging.getLogger(__name__)

CANCEL_PATIENCE = (
    0.4  # seconds until a job that does not answer to cancel is ended with its process
)
START_PATIENCE = 60.0  # seconds for a worker's first line: a cold disk is slow
POLL = 0.02  # seconds between looks at cancels, while there is something to cancel
STOP_PATIENCE = 2.0  # seconds that Blender waits for the thread when the add-on is disabled
MOST_ATTEMPTS = 2  # how often a job is begun whose worker was killed for another job's sake

ENDED = (
    "The engine was stopped, since the extension was switched off or its preferences changed. "
    "Start the work again."
)
NOT_STARTED_IN_TIME = (
    "The engine did not start within a minute. Close other programs and try again."
)

Message = dict[str, Any]


@dataclass(eq=False)
class _Flight:
    """A task that the worker has, under a number."""

    task: Task
    cancelled_at: float | None = None  # time.monotonic() when the worker was told
    writing: list[Path] = field(default_factory=list)  # temporary paths that it has begun


@dataclass(eq=False)
class _Heard:
    """A message, and the worker that it came from: an old one may still have something to say."""

    generation: int
    message: Message


class Link:
    """The background thread, its tasks and its worker."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._inbox: queue.Queue[Task | _Heard | None] = queue.Queue()  # None: stop
        self._finished: queue.Queue[Task] = queue.Queue()
        self._watched: list[Task] = []  # whose callbacks Blender's main thread will run
        # What follows belongs to the background thread alone.
        self._unsent: list[Task] = []
        self._flights: dict[int, _Flight] = {}
        self._attempts: dict[Task, int] = {}
        self._numbers = itertools.count(1)
        self._worker: Worker | None = None
        self._generation = 0  # of the worker
        self._is_ready = False  # whether the worker has sent its first line
        self._started_at = 0.0
        # A task either comes before the end, and is run or ended, or it comes after.
        self._closing = threading.Lock()
        self._closed = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="AnchorStage link", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------ any thread

    def put(self, task: Task) -> Task:
        """Take a task; any thread. A link that has ended gives it back at once, with an error."""
        with self._closing:
            if not self._closed:
                self._inbox.put(task)
                return task
        self._leave(task, EngineError(ENDED))
        return task

    @property
    def process_id(self) -> int | None:
        """The number of the worker's process; None where there is none."""
        worker = self._worker
        return worker.process_id if worker is not None else None

    @property
    def worker_kind(self) -> str:
        """The name of the worker's class; empty where there is none."""
        return type(self._worker).__name__ if self._worker is not None else ""

    # ------------------------------------------------------------------ Blender's main thread

    def watch(self, task: Task) -> Task:
        """Take a task whose callbacks Blender's main thread will run; main thread only."""
        self._watched.append(task)
        return self.put(task)

    @property
    def tasks(self) -> list[Task]:
        """Tasks with callbacks that have not come back yet."""
        return list(self._watched)

    def deliver(self) -> bool:
        """Run the callbacks of finished tasks; main thread.

        Returns:
            Whether any task is still under way.
        """
        while not self._finished.empty():
            task = self._finished.get()
            if task in self._watched:
                self._watched.remove(task)
                _call_back(task)
        for task in [task for task in self._watched if task.given_up]:
            self._watched.remove(task)
            task.error = Stopped()
            _call_back(task)
        return bool(self._watched)

    def abandon(self) -> None:
        """Tell those who wait for callbacks that none will come; main thread, after `stop`."""
        self.deliver()
        while self._watched:
            task = self._watched.pop(0)
            task.error = EngineError(ENDED)
            _call_back(task)

    def stop(self) -> None:
        """End the worker and the thread; what is under way is cancelled."""
        self._stopping.set()
        self._inbox.put(None)
        worker = self._worker
        if worker is not None:
            worker.kill()
        self._thread.join(timeout=STOP_PATIENCE)

    # ------------------------------------------------------------------ the background thread

    def _loop(self) -> None:
        while not self._stopping.is_set():
            item = self._next()
            try:
                if isinstance(item, Task):
                    self._unsent.append(item)
                elif isinstance(item, _Heard) and item.generation == self._generation:
                    self._hear(item.message)
                self._mind_cancels()
                self._send_waiting()
            except Exception as fault:
                log.exception("the link to the engine failed")
                self._fail_all(EngineError(f"The link to the engine failed ({fault}). Try again."))
        if self._worker is not None:
            self._worker.kill()
        self._fail_all(EngineError(ENDED))
        self._close()

    def _next(self) -> Task | _Heard | None:
        """The next task or message; None where it is time to look at cancels."""
        has_work = bool(self._flights or self._unsent)
        try:
            return self._inbox.get(timeout=POLL if has_work else None)
        except queue.Empty:
            return None

    def _send_waiting(self) -> None:
        """Send the tasks that wait, as soon as there is a worker that listens."""
        for task in [task for task in self._unsent if task.cancelled.is_set()]:
            self._unsent.remove(task)
            self._leave(task, Stopped())
        if not self._unsent:
            return
        if self._worker is None or (self._is_ready and not self._worker.alive):
            self._start_worker()
        elif not self._is_ready and time.monotonic() - self._started_at > START_PATIENCE:
            self._drop_worker()
            self._fail_unsent(EngineError(NOT_STARTED_IN_TIME))
        while self._is_ready and self._unsent:
            self._send(self._unsent.pop(0))

    def _send(self, task: Task) -> None:
        assert self._worker is not None
        number = next(self._numbers)
        self._flights[number] = _Flight(task)
        self._attempts[task] = self._attempts.get(task, 0) + 1
        task.started.set()
        self._worker.send(task.message(number))

    def _start_worker(self) -> None:
        self._generation += 1
        generation = self._generation
        self._is_ready = False
        self._started_at = time.monotonic()
        try:
            self._worker = self._setup.start(
                lambda message: self._inbox.put(_Heard(generation, message))
            )
        except OSError as error:
            self._worker = None
            self._fail_unsent(EngineError(_not_started(error)))

    def _hear(self, message: Message) -> None:
        if "ready" in message:
            self._is_ready = True
        elif "refused" in message:
            self._worker = None
            self._fail_unsent(EngineError(message["refused"]))
        elif "died" in message:
            self._bury(message["died"])
        elif message.get("id") in self._flights:
            self._hear_of(message["id"], message)

    def _hear_of(self, number: int, message: Message) -> None:
        """Take what the worker says of one job."""
        flight = self._flights[number]
        task = flight.task
        if "progress" in message:
            task.fraction, task.stage = message["progress"], message["stage"]
        elif "writing" in message:
            flight.writing.append(Path(message["writing"]))
        elif "result" in message:
            del self._flights[number]
            self._arrive(task, message["result"])
        elif "error" in message:
            del self._flights[number]
            error = message["error"]
            if error["type"] == "Cancelled":
                self._leave(task, self._ending(task, error["message"]))
            else:
                self._leave(task, EngineError(error["message"], error["type"]))

    def _arrive(self, task: Task, result: Result) -> None:
        """A result: where it is to be prepared, that happens on a thread that nobody waits for."""
        task.result = result | {"blobs": task.wants}
        if task.prepare is None:
            self._leave(task, None)
            return
        threading.Thread(
            target=self._prepare, args=(task,), name="AnchorStage answer", daemon=True
        ).start()

    def _prepare(self, task: Task) -> None:
        assert task.prepare is not None
        assert task.result is not None
        error: Exception | None = None
        try:
            task.result = task.prepare(task.result)
        except (EngineError, Stopped) as refusal:
            error = refusal
        except Exception as fault:
            log.exception("the answer of %s could not be prepared", task.job)
            error = EngineError(f"The link to the engine failed ({fault}). Try again.")
        for blob in task.wants.values():
            blob.discard()
        self._leave(task, error)

    def _mind_cancels(self) -> None:
        """Tell the worker of cancels; end it where it does not answer to one."""
        now = time.monotonic()
        for number, flight in list(self._flights.items()):
            if not flight.task.cancelled.is_set() or self._worker is None:
                continue
            if flight.cancelled_at is None:
                flight.cancelled_at = now
                self._worker.send({"cancel": number})
            elif now - flight.cancelled_at > CANCEL_PATIENCE:
                del self._flights[number]
                self._end_for(flight)
                return

    def _end_for(self, silent: _Flight) -> None:
        """End the worker for the sake of one job; the others begin again."""
        others = list(self._flights.values())
        self._flights.clear()
        worker = self._drop_worker()
        if worker is not None:
            worker.remove([path for flight in (silent, *others) for path in flight.writing])
        self._leave(silent.task, Stopped())
        for flight in others:
            if self._attempts.get(flight.task, 0) < MOST_ATTEMPTS:
                self._unsent.append(flight.task)
            else:
                self._leave(flight.task, EngineError(_death("it was ended for another job")))

    def _bury(self, reason: str) -> None:
        """The worker ended by itself: what it had fails with one sentence."""
        worker, self._worker = self._worker, None
        if not self._is_ready:
            remedy = "Reinstall the AnchorStage extension."
            self._fail_unsent(EngineError(f"The engine could not be started: {reason}. {remedy}"))
        flights = list(self._flights.values())
        self._flights.clear()
        if worker is not None:
            worker.remove([path for flight in flights for path in flight.writing])
        for flight in flights:
            self._leave(flight.task, self._ending(flight.task, _death(reason)))

    def _drop_worker(self) -> Worker | None:
        """Kill the worker, and listen to it no more."""
        worker, self._worker = self._worker, None
        self._generation += 1
        if worker is not None:
            worker.kill()
        return worker

    def _ending(self, task: Task, otherwise: str) -> Exception:
        """Give the reason why a job did not come to its end."""
        if task.cancelled.is_set():
            return Stopped()
        return EngineError(ENDED if self._stopping.is_set() else otherwise)

    def _fail_unsent(self, error: Exception) -> None:
        while self._unsent:
            self._leave(self._unsent.pop(0), error)

    def _fail_all(self, error: Exception) -> None:
        self._fail_unsent(error)
        while self._flights:
            _, flight = self._flights.popitem()
            self._leave(flight.task, error)

    def _leave(self, task: Task, error: Exception | None) -> None:
        """Let a task go back to whoever waits for it."""
        task.error = error
        self._attempts.pop(task, None)
        if error is not None:
            for blob in task.wants.values():
                blob.discard()
        # Only of a task that is watched anybody ever takes it out of the queue: a render of many
        # thousand frames makes two tasks a frame that nobody watches.
        if task in self._watched:
            self._finished.put(task)
        task.done.set()

    def _close(self) -> None:
        """End what is still queued: the render thread may wait for it."""
        with self._closing:
            self._closed = True
            while not self._inbox.empty():
                item = self._inbox.get()
                if isinstance(item, Task):
                    self._leave(item, EngineError(ENDED))


def _not_started(error: OSError) -> str:
    remedy = "Reinstall the AnchorStage extension."
    if isinstance(error, PermissionError):
        remedy = (
            "Where this machine forbids child processes, switch “Run the engine inside Blender” "
            "on in the preferences."
        )
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
