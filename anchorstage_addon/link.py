"""The link to the engine, for the rest of the add-on.

`submit` starts a job and calls back on Blender's main thread; `call` blocks, from any thread (the render's). `link_thread`
is the thread behind it, `link_worker` the process behind that.
"""

import threading
from collections.abc import Callable
from typing import Any

import bpy

from .link_thread import POLL, EngineError, Link, Result, Stopped, Task
from .link_worker import Setup, setup_from_preferences

_TIMER = 0.05  # seconds between two emptyings of the queue on Blender's main thread

__all__ = [
    "EngineError",
    "Stopped",
    "Task",
    "call",
    "configure",
    "register",
    "submit",
    "tasks",
    "unregister",
]

_link: Link | None = None
_setup: Setup | None = (
    None  # read on the main thread; jobs may start on others, where bpy is not to be touched
)
_lock = threading.Lock()


def _get() -> Link:
    global _link
    with _lock:
        if _link is None:
            if _setup is None:
                raise EngineError("The AnchorStage extension is not enabled.")
            _link = Link(_setup)
        return _link


def _end() -> Link | None:
    global _link
    with _lock:
        link, _link = _link, None
    if link is not None:
        link.stop()
    return link


def configure() -> None:
    """Read the preferences; the next job starts a worker of that kind. Main thread only."""
    global _setup
    ended = _end()
    _setup = setup_from_preferences()
    if ended is not None:
        ended.abandon()


def submit(
    job: str,
    args: dict[str, Any],
    on_result: Callable[[Result], None] | None = None,
    on_error: Callable[[Exception], None] | None = None,
    prepare: Callable[[Result], Result] | None = None,
) -> Task:
    """Start a job; callbacks come on the main thread. Main thread only."""
    task = _get().watch(Task(job, args, on_result, on_error, prepare))
    if not bpy.app.timers.is_registered(_empty_queue):
        bpy.app.timers.register(_empty_queue, first_interval=_TIMER, persistent=True)
    return task


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
