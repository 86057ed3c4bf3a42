"""A worker inside Blender's own process, for machines that forbid child processes."""

import json
import queue
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any


class ThreadWorker:
    """The engine's own loop in a thread of Blender."""

    def __init__(self, hear: Callable[[dict[str, Any]], None]) -> None:
        self._hear = hear
        self._inbox: queue.Queue[str | None] = queue.Queue()
        self._thread = threading.Thread(target=self._serve, name="AnchorStage engine", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    @property
    def process_id(self) -> int | None:
        return None

    def send(self, message: dict[str, Any]) -> None:
        self._inbox.put(json.dumps(message))

    def kill(self) -> None:
        """Ask it to end; a thread cannot be forced, it ends at its job's next check."""
        self._inbox.put(None)

    def remove(self, paths: list[Path]) -> None:
        """It tidies up itself, since it is never ended by force."""

    def _serve(self) -> None:
        try:
            from ...engine.wire.pipe import refusal_inside, serve_thread
        except ImportError as error:
            self._hear({"died": str(error)})
            return
        refusal = refusal_inside()
        if refusal is not None:
            self._hear({"refused": refusal})
            return
        lines = iter(self._inbox.get, None)
        serve_thread(lines, lambda line: self._hear(json.loads(line)))
        self._hear({"died": "it was asked to end"})
