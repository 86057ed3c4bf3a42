"""One line for each step, one lock for all set-up, and the pins of pyproject.toml."""

import contextlib
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
_SHOWN_LINES = 15  # of the output of a command that failed


class BuildError(Exception):
    """A step failed; its text tells the developer what and, where known, what to do."""


@cache
def pins() -> dict:
    """Return pyproject.toml, which has every pinned version."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def manifest() -> dict:
    """Return the extension's manifest, which has the version."""
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Write the text of a step, and behind it on the same line the seconds that it took."""
    sys.stdout.write(f"{text} ... ")
    sys.stdout.flush()
    start = time.perf_counter()
    outcome = "failed after"
    try:
        yield
        outcome = "done in"
    finally:
        seconds = time.perf_counter() - start
        sys.stdout.write(f"{outcome} {seconds:.1f} s\n")
        sys.stdout.flush()


def quietly(command: Sequence[object], what: str) -> str:
    """Run a command that nobody needs to watch; its last lines become the error if it fails."""
    arguments = [str(part) for part in command]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if result.returncode:
        lines = (result.stdout + result.stderr).strip().splitlines()
        tail = "\n".join(lines[-_SHOWN_LINES:])
        raise BuildError(f"{what} failed; the command was: {' '.join(arguments)}\n{tail}")
    return result.stdout


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Let only one build.py at a time set things up; a second one waits.

    A killed one leaves no lock behind.
    """
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "setup.lock").open("a+") as handle:
        _lock(handle)
        yield


def _lock(handle) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
    else:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX)
