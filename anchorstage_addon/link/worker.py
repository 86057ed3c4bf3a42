"""An engine worker, as the link sees it: a process, or the same loop in a thread of Blender."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import bpy
import numpy as np

from .in_thread import ThreadWorker
from .process import ProcessWorker

EXTENSION_ROOT = Path(__file__).resolve().parents[2]

Message = dict[str, Any]


class Worker(Protocol):
    """A worker, which calls the link back with each message.

    Beside the engine's own there are `{"died": reason}`, which is its last, and `{"refused":
    sentence}`.
    """

    @property
    def alive(self) -> bool:
        """Tell whether it can take a job."""

    @property
    def process_id(self) -> int | None:
        """The number of its process; None where it has none of its own."""

    def send(self, message: Message) -> None:
        """Send one message."""

    def kill(self) -> None:
        """End it now."""

    def remove(self, paths: list[Path]) -> None:
        """After its end: remove temporary files that it had begun."""


@dataclass(frozen=True)
class Setup:
    """The way to start a worker; made on the main thread, used on any."""

    in_thread: bool
    search_path: tuple[str, ...]

    def start(self, hear: Callable[[Message], None]) -> Worker:
        """Start a worker, which calls `hear` with each message, from a thread of its own.

        Raises:
            OSError: the process cannot be started.
        """
        if self.in_thread:
            return ThreadWorker(hear)
        return ProcessWorker(EXTENSION_ROOT, self.search_path, hear)


def setup_from_preferences() -> Setup:
    """Read the preferences; find engine, extension's wheels and NumPy for the worker."""
    package = __package__.rpartition(".")[0].rpartition(".")[0]
    addon = bpy.context.preferences.addons.get(package)
    in_thread = (
        addon is not None and addon.preferences is not None and addon.preferences.engine_in_thread
    )
    extensions = Path(bpy.utils.user_resource("EXTENSIONS")).resolve()
    wheels = [entry for entry in sys.path if entry and extensions in Path(entry).resolve().parents]
    numpy_folder = Path(np.__file__).resolve().parent.parent
    return Setup(in_thread, (str(EXTENSION_ROOT), *wheels, str(numpy_folder)))
