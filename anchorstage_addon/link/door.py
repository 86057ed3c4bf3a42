"""The link's door in Blender: start a job, wait for one, run what came back on the main thread."""

import logging
import queue
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import bpy

from .. import session
from .blobs import Blob
from .task import EngineError, Result, Stopped, Task
from .thread import POLL, Link
from .worker import Setup, setup_from_preferences

log = logging.getLogger(__name__)

_BUSY = 0.05  # seconds between two emptyings of the queue while a job is under way
_IDLE = 0.25  # seconds otherwise
_SCRATCH = "anchorstage"  # the folder in Blender's own for temporary files

Files = Mapping[str, Path]


class LinkState:
    """The link of this session."""

    def __init__(self) -> None:
        self.link: Link | None = None
        # Read on the main thread; jobs may start on others, where bpy is not to be touched.
        self.setup: Setup | None = None
        self.lock = threading.Lock()
        self.functions: queue.Queue[Callable[[], None]] = queue.Queue()
        self.was_busy = False


def _state() -> LinkState:
    return session.of(LinkState)


def _get() -> Link:
    state = _state()
    with state.lock:
        if state.link is None:
            if state.setup is None:
                raise EngineError("The AnchorStage extension is not enabled.")
            state.link = Link(state.setup)
        return state.link


def _end() -> Link | None:
    state = _state()
    with state.lock:
        link, state.link = state.link, None
    if link is not None:
        link.stop()
    return link


def configure() -> None:
    """Read the preferences; the next job starts a worker of that kind. Main thread only."""
    ended = _end()
    _state().setup = setup_from_preferences()
    if ended is not None:
        ended.abandon()


def submit(
    job: str,
    args: dict[str, Any],
    on_result: Callable[[Result], None] | None = None,
    on_error: Callable[[Exception], None] | None = None,
    prepare: Callable[[Result], Result] | None = None,
    *,
    lends: Files | None = None,
    wants: Files | Iterable[str] = (),
) -> Task:
    """Start a job; callbacks come on the main thread. Main thread only.

    Args:
        job: its name.
        args: its options.
        on_result: called with the result, whose `blobs` hold what the job gave in bulk.
        on_error: called with an EngineError or Stopped.
        prepare: heavy work on the result, on a thread of its own; no bpy in it. Scratch blobs are
            gone afterwards.
        lends: files that the job reads, by name.
        wants: what the job gives in bulk: names, or names with the files that it is written to.

    Raises:
        NoPlaceError: there is no place for temporary files.
    """
    task = Task(job, args, on_result, on_error, prepare)
    _add_files(task, lends, wants)
    _get().watch(task)
    _run_timer(_BUSY)
    return task


def call(
    job: str,
    args: dict[str, Any],
    should_stop: Callable[[], bool] | None = None,
    on_progress: Callable[[float, str], None] | None = None,
    *,
    lends: Files | None = None,
    wants: Files | Iterable[str] = (),
) -> Result:
    """Run a job and wait for it: on the render's thread, or where Blender has no window.

    Raises:
        EngineError: one sentence for the artist.
        NoPlaceError: there is no place for temporary files.
        Stopped: `should_stop` turned true.
    """
    task = Task(job, args)
    _add_files(task, lends, wants)
    _get().put(task)
    while not task.done.wait(POLL):
        if should_stop is not None and should_stop():
            task.cancel()
        if task.given_up:
            raise Stopped
        if on_progress is not None:
            on_progress(task.fraction, task.stage)
    if task.error is not None:
        raise task.error
    return task.result or {}


def _add_files(task: Task, lends: Files | None, wants: Files | Iterable[str]) -> None:
    task.lends = dict(lends or {})
    if isinstance(wants, Mapping):
        task.wants = {name: Blob(path, False) for name, path in wants.items()}
        return
    folder = Path(bpy.app.tempdir) / _SCRATCH
    for name in wants:
        task.wants[name] = Blob.scratch(folder, f"{task.number}.{name}")


def tasks() -> list[Task]:
    """List the jobs with callbacks that are under way, for the panel."""
    link = _state().link
    return link.tasks if link is not None else []


def process_id() -> int | None:
    """Return the number of the engine's process; None where there is none."""
    link = _state().link
    return link.process_id if link is not None else None


def on_main_thread(function: Callable[[], None]) -> None:
    """Run a function on Blender's main thread, soon; any thread may ask."""
    _state().functions.put(function)


def _empty_queue() -> float:
    """Run what waits for the main thread, and redraw the panels while a job is under way."""
    state = _state()
    while not state.functions.empty():
        function = state.functions.get()
        try:
            function()
        except Exception:
            log.exception("a function for the main thread failed")
    is_busy = state.link is not None and state.link.deliver()
    if is_busy or state.was_busy:
        _redraw_sidebars()
    state.was_busy = is_busy
    return _BUSY if is_busy else _IDLE


def _redraw_sidebars() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


def register() -> None:
    """Read the preferences and watch the queue; nothing starts before the first job."""
    configure()
    _run_timer(_IDLE)


def unregister() -> None:
    """Stop the timer, the thread and the worker."""
    _stop_timer()
    _end()


def _run_timer(seconds: float) -> None:
    """Have the queue emptied in so many seconds, and from then on."""
    _stop_timer()
    bpy.app.timers.register(_empty_queue, first_interval=seconds, persistent=True)


def _stop_timer() -> None:
    if bpy.app.timers.is_registered(_empty_queue):
        bpy.app.timers.unregister(_empty_queue)
