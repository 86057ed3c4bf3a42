"""A job on its way to the engine and back, and how it may end."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .blobs import Blob

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
    # Heavy work on the answer, on a thread of its own; no bpy in it.
    prepare: Callable[[Result], Result] | None = None
    lends: dict[str, Path] = field(default_factory=dict)  # files that the job reads, by name
    wants: dict[str, Blob] = field(default_factory=dict)  # what the job gives in bulk, by name
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
        """Tell whether it was cancelled before its turn came, so that nobody waits for it."""
        return self.cancelled.is_set() and not self.started.is_set()

    def message(self, number: int) -> dict[str, Any]:
        """The line that asks the engine for this job under a number."""
        return {
            "id": number,
            "job": self.job,
            "args": self.args,
            "lends": {name: {"file": str(path)} for name, path in self.lends.items()},
            "wants": {name: {"file": str(blob.path)} for name, blob in self.wants.items()},
        }
