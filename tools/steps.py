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


class BuildError(Exception):
    """A step failed; its text tells the developer what and, where known, what to do."""


@cache
def pins() -> dict:
    """pyproject.toml, where every pinned version stands."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@cache
def manifest() -> dict:
    """The extension's manifest, where the version stands."""
    return tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Say what is being done, and behind it on the same line how long it took."""
    sys.stdout.write(f"{text} ... ")
    sys.stdout.flush()
    start = time.perf_counter()
    outcome = "failed after"
    try:
        yield
        outcome = "done in"
    finally:
        sys.stdout.write(f"{outcome} {time.perf_counter() - start:.1f} s\n")
        sys.stdout.flush()


def quietly(command: Sequence[object], what: str) -> str:
    """Run a command that nobody needs to watch; its last lines become the error where it fails."""
    result = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False
    )
    if result.returncode:
        tail = "\n".join((result.stdout + result.stderr).strip().splitlines()[-15:])
        raise BuildError(f"{what} failed; the command was: {' '.join(map(str, command))}\n{tail}")
    return result.stdout


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Only one build.py at a time sets things up; a second one waits. A killed one leaves no lock behind."""
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
