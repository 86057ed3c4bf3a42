"""A worker in a process of its own."""

import contextlib
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

log = logging.getLogger(__name__)

_TAIL = 400  # characters of the engine's last words that help to find a fault
_NO_WINDOW = 0x08000000  # CREATE_NO_WINDOW: no console flashes up on Windows
_ENDS_WITHIN = 2  # seconds after it was killed


class ProcessWorker:
    """`python -m engine serve`, spoken to over its standard input and output."""

    def __init__(
        self, root: Path, search_path: Sequence[str], hear: Callable[[dict[str, Any]], None]
    ) -> None:
        """Start the process.

        Args:
            root: the folder that holds the package `engine`.
            search_path: where its Python finds packages.
            hear: called with each message, from a thread of this worker.

        Raises:
            OSError: the process cannot be started.
        """
        self._hear = hear
        self._errors = _scratch()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "engine", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=root,
            env=_environment(search_path),
            creationflags=_NO_WINDOW if sys.platform == "win32" else 0,
        )
        threading.Thread(target=self._read, name="AnchorStage engine output", daemon=True).start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def process_id(self) -> int | None:
        return self._process.pid

    def send(self, message: dict[str, Any]) -> None:
        # A dead worker says so by its last message.
        with contextlib.suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_ENDS_WITHIN)

    def remove(self, paths: list[Path]) -> None:
        for path in paths:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                log.warning("the engine said what is no message: %r", line[:_TAIL])
                continue
            self._hear(message)
        status = self._process.wait()
        self._hear({"died": self._last_words(status)})

    def _last_words(self, status: int) -> str:
        """Say how it ended, with the last line that it wrote to standard error."""
        self._errors.seek(0)
        text = self._errors.read().decode("utf-8", "replace").strip()
        if text:
            log.error("the engine's last words:\n%s", text)
        last = text.splitlines()[-1][:_TAIL] if text else ""
        ending = f"killed by signal {-status}" if status < 0 else f"exit status {status}"
        return f"{ending}: {last}" if last else ending


def _environment(search_path: Sequence[str]) -> dict[str, str]:
    """Blender's environment, with our search path and nothing of the user's own Python."""
    environment = dict(
        os.environ,
        PYTHONPATH=os.pathsep.join(search_path),
        PYTHONNOUSERSITE="1",
        PYTHONIOENCODING="utf-8",
    )
    environment.pop("PYTHONHOME", None)
    return environment


def _scratch() -> IO[bytes]:
    """Make a file for the engine's last words; where there is no room for one, they are lost."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "w+b")
