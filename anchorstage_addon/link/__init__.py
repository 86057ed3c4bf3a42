"""The link to the engine, for the rest of the add-on.

    submit, call ─► thread (in the background) ─► a worker: process, or in_thread ─► the engine
                                                      blobs: what travels in bulk
    main thread ◄── door: a timer empties the queue of what has ended

`submit` starts a job and calls back on Blender's main thread; `call` blocks, and is for any thread
but that one (the render's, or Blender without a window, where nobody waits).
"""

from .blobs import Blob, NoPlaceError
from .door import (
    call,
    configure,
    on_main_thread,
    process_id,
    register,
    submit,
    tasks,
    unregister,
)
from .task import EngineError, Result, Stopped, Task

__all__ = [
    "Blob",
    "EngineError",
    "NoPlaceError",
    "Result",
    "Stopped",
    "Task",
    "call",
    "configure",
    "on_main_thread",
    "process_id",
    "register",
    "submit",
    "tasks",
    "unregister",
]
