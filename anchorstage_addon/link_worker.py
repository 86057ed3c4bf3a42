"""An engine worker: a process of its own, or the same loop inside a thread where a preference says so."""

import contextlib
import json
import logging
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import bpy
import numpy as np

log = logging.getLogger(__name__)

EXTENSION_ROOT = Path(__file__).resolve().parent.parent
_TAIL = 400  # characters of the engine's last words that help to find a fault
_NO_WINDOW = 0x08000000  # CREATE_NO_WINDOW: no console flashes up on Windows


class Worker(Protocol):
    """What the link needs of a worker."""

    @property
    def alive(self) -> bool:
        """Whether it can take a job."""

    def send(self, message: dict[str, Any]) -> None:
        """Send one message."""

    def receive(self, timeout: float) -> dict[str, Any] | None:
        """The next message, None after `timeout` seconds, `{"died": reason}` at the end."""

    def kill(self) -> None:
        """End it now."""

    def clear_leftovers(self, output: str | None) -> None:
        """After its end: remove what it had begun to write as `output`."""


@dataclass(frozen=True)
class Setup:
    """How to start a worker; made on the main thread, used on any."""

    in_thread: bool
    search_path: tuple[str, ...]

    def start(self) -> Worker:
        """Start a worker.

        Raises:
            OSError: the process cannot be started.
        """
        return ThreadWorker() if self.in_thread else ProcessWorker(self.search_path)


def setup_from_preferences() -> Setup:
    """What the preferences ask for, and where the worker finds the engine, the extension's wheels and NumPy."""
    package = __package__.rpartition(".")[0]
    addon = bpy.context.preferences.addons.get(package)
    in_thread = (
        addon is not None and addon.preferences is not None and addon.preferences.engine_in_thread
    )
    extensions = Path(bpy.utils.user_resource("EXTENSIONS")).resolve()
    wheels = [entry for entry in sys.path if entry and extensions in Path(entry).resolve().parents]
    return Setup(
        in_thread, (str(EXTENSION_ROOT), *wheels, str(Path(np.__file__).resolve().parent.parent))
    )


def _scratch() -> IO[bytes]:
    """A file for the engine's last words; where there is no room for one, they are lost."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "w+b")


class ProcessWorker:
    """`python -m engine serve`, spoken to over its standard input and output."""

    def __init__(self, search_path: Sequence[str]) -> None:
        environment = dict(
            os.environ,
            PYTHONPATH=os.pathsep.join(search_path),
            PYTHONNOUSERSITE="1",
            PYTHONIOENCODING="utf-8",
        )
        environment.pop("PYTHONHOME", None)
        self._errors = _scratch()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=EXTENSION_ROOT,
            env=environment,
            creationflags=_NO_WINDOW if sys.platform == "win32" else 0,
        )
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._read, name="AnchorStage engine output", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError, ValueError):  # a dead worker says so through `receive`
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def receive(self, timeout: float) -> dict[str, Any] | None:
        try:
            return self._messages.get(timeout=timeout)
        except queue.Empty:
            return None

    def kill(self) -> None:
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)

    def clear_leftovers(self, output: str | None) -> None:
        # The engine's temporary names hold the number of its process (engine/store/atomic.py).
        if not output:
            return
        with contextlib.suppress(OSError):
            for entry in list(Path(output).parent.glob(f".*-{self._process.pid}-*.tmp*")):
                if entry.is_dir():
                    shutil.rmtree(entry, ignore_errors=True)
                else:
                    entry.unlink()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._messages.put(json.loads(line))
            except ValueError:
                log.warning("the engine said what is no message: %r", line[:_TAIL])
        status = self._process.wait()
        self._messages.put({"died": self._last_words(status)})

    def _last_words(self, status: int) -> str:
        self._errors.seek(0)
        text = self._errors.read().decode("utf-8", "replace").strip()
        if text:
            log.error("the engine's last words:\n%s", text)
        last = text.splitlines()[-1][:_TAIL] if text else ""
        ending = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        return f"{ending}: {last}" if last else ending


class ThreadWorker:
    """The engine's own loop in a thread of Blender, for machines that forbid child processes."""

    def __init__(self) -> None:
        self._inbox: queue.Queue[str | None] = queue.Queue()
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._thread = threading.Thread(target=self._serve, name="AnchorStage engine", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def send(self, message: dict[str, Any]) -> None:
        self._inbox.put(json.dumps(message))

    def receive(self, timeout: float) -> dict[str, Any] | None:
        try:
            return self._messages.get(timeout=timeout)
        except queue.Empty:
            return None

    def kill(self) -> None:
        """Ask it to end; a thread cannot be forced, it ends at its job's next check."""
        self._inbox.put(None)

    def clear_leftovers(self, output: str | None) -> None:
        """It tidies up itself, since it is never ended by force."""

    def _serve(self) -> None:
        try:
            from ..engine.wire.server import refusal_inside, serve
        except ImportError as error:
            self._messages.put({"died": str(error)})
            return
        refusal = refusal_inside()
        if refusal is not None:
            self._messages.put({"refused": refusal})
            return
        serve(iter(self._inbox.get, None), lambda line: self._messages.put(json.loads(line)))
        self._messages.put({"died": "it was asked to end"})
