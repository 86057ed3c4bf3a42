"""The virtual environments: `.venv` for the engine and its tools, `.blenders/bpy-X.Y` for Blenders.

A stamp, written last, says which pins an environment was made for. An environment without it is
completed if it works, and made anew if an earlier run was killed while it made it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .steps import ROOT, BuildError, locked, manifest, pins, quietly, step

STAMP = ".anchorstage.stamp"
TORCH_STAMP = ".anchorstage.torch.stamp"
UNFINISHED = ".anchorstage.unfinished"

_SETUP_SECONDS = (
    300  # the longest that a check may take: the first import of torch compiles its files
)
_PROBE_SECONDS = 30  # the longest that a Python may take to tell its version


@dataclass(frozen=True)
class Environment:
    """One virtual environment."""

    folder: Path
    requirements: tuple[str, ...]  # what pip installs
    fingerprint: str  # of all that it depends on
    check: str  # Python code that fails where the environment is not usable
    stamp: str = STAMP  # its file's name; one folder may grow from one set of packages to a larger
    interpreter: Path | None = None  # the Python that it is made with; None: the running one

    @property
    def python(self) -> Path:
        """The interpreter inside the environment."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def ready(self) -> bool:
        """Return True if the environment was made for these pins, and to its end."""
        stamp = self.folder / self.stamp
        if not self.python.exists() or not stamp.is_file():
            return False
        return stamp.read_text(encoding="ascii") == self.fingerprint


def engine() -> Environment:
    """Describe `.venv`: the engine with the `anchorstage` command, and what builds and tests it."""
    pin = pins()
    depends = (
        pin["project"],
        pin["build-system"],
        pin["tool"]["setuptools"],
        manifest()["version"],
    )
    return Environment(
        folder=ROOT / ".venv",
        requirements=("-e", f"{ROOT}[dev]"),
        fingerprint=_digest(sys.version_info[:2], depends),
        check="import cv2, numpy, OpenEXR, ziglang, pytest, mypy",
    )


def engine_with_torch() -> Environment:
    """Describe `.venv` with the peers that tests and benchmarks compare with: torch and gsplat."""
    base = engine()
    return Environment(
        folder=base.folder,
        requirements=("-e", f"{ROOT}[dev,ai]"),
        fingerprint=base.fingerprint,
        check=f"{base.check}; import torch, matplotlib",
        stamp=TORCH_STAMP,
    )


def blender(version: str) -> Environment:
    """Describe the environment of a bpy wheel, `.blenders/bpy-5.0` for version "5.0.1".

    Raises:
        BuildError: The wheel is for another Python than this one, which is not on this machine.
    """
    requirement = f"bpy=={version}"
    # os._exit: some versions crash or hang when a process with bpy ends in the ordinary way
    check = f"import os, bpy; os._exit(0 if bpy.app.version_string.startswith('{version}') else 1)"
    python_version = sys.version_info[:2]
    interpreter = None
    if version in pins()["tool"]["anchorstage"]["bpy-python-3-13"]:
        python_version = (3, 13)
        interpreter = python_3_13()
        if interpreter is None:
            raise BuildError(f"{requirement} needs Python 3.13, which is not on this machine.")
    return Environment(
        folder=ROOT / ".blenders" / f"bpy-{version.rpartition('.')[0]}",
        requirements=(requirement,),
        fingerprint=_digest(python_version, requirement),
        check=check,
        interpreter=interpreter,
    )


def blender_versions() -> list[str]:
    """Return the pinned versions of bpy whose Python is on this machine."""
    own = pins()["tool"]["anchorstage"]
    return own["bpy"] + (own["bpy-python-3-13"] if python_3_13() else [])


def versions_left_out() -> list[str]:
    """Return the pinned versions of bpy whose Python is not on this machine."""
    return [] if python_3_13() else pins()["tool"]["anchorstage"]["bpy-python-3-13"]


def left_out_sentence() -> str:
    """Say in a line which versions of bpy are left out and what they want; "" if none is."""
    versions = versions_left_out()
    if not versions:
        return ""
    return (
        f"Left out: the tests in Blender {' and '.join(versions)}, "
        "whose wheels are for Python 3.13. No python3.13 was found on the PATH or under pyenv."
    )


@cache
def python_3_13() -> Path | None:
    """Find a Python 3.13 that can make virtual environments, on the PATH or under pyenv."""
    return next(filter(_is_python_3_13, _candidates()), None)


def _candidates() -> Iterator[Path]:
    on_path = shutil.which("python3.13")
    if on_path:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/3.13*/bin/python3.13"))


def _is_python_3_13(python: Path) -> bool:
    """Ask the interpreter itself: pyenv's shim is on the PATH even if it has no Python to start."""
    code = "import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != (3, 13))"
    return _works(python, code, _PROBE_SECONDS)


def ensure(environment: Environment) -> Path:
    """Make the environment if it is not ready, and return its interpreter."""
    if environment.ready():
        return environment.python
    with locked():
        # another build.py may have made it while this one waited for the lock
        if not environment.ready():
            folder = environment.folder.relative_to(ROOT)
            with step(f"Setting up {folder} ({_names(environment)})"):
                _make(environment)
    return environment.python


def _make(environment: Environment) -> None:
    folder = environment.folder
    unfinished = folder / UNFINISHED
    if unfinished.exists() or not _works(environment.python, "import pip"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        unfinished.touch()
        # the base interpreter, because build.py may itself run inside the environment that it makes
        running = Path(getattr(sys, "_base_executable", sys.executable))
        base = environment.interpreter or running
        quietly([base, "-m", "venv", folder], "Making a virtual environment")
    unfinished.touch()
    for old in folder.glob(".anchorstage*.stamp"):
        old.unlink()
    pip = [environment.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    quietly([*pip, *environment.requirements], "Installing the pinned packages")

    if not _works(environment.python, environment.check):
        raise BuildError(
            f"{folder} was set up but does not work; run the command again to make it anew."
        )
    # the larger set of packages holds the smaller one, so that both stamps are true
    for stamp in {STAMP, environment.stamp}:
        (folder / stamp).write_text(environment.fingerprint, encoding="ascii")
    unfinished.unlink()


def _works(python: Path, code: str, seconds: float = _SETUP_SECONDS) -> bool:
    """Return True if an interpreter exists and runs some code without an error and in time."""
    if not python.exists():
        return False
    command: list[str | Path] = [python, "-c", code]
    try:
        result = subprocess.run(command, capture_output=True, check=False, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def _names(environment: Environment) -> str:
    """Return the words for what is installed, for the line of the step."""
    if environment.requirements[0] != "-e":
        return environment.requirements[0]
    tools = "the engine, its packages, the compiler and the test tools"
    return tools if environment.stamp == STAMP else f"{tools}, torch and gsplat"


def _digest(python_version: tuple[int, ...], depends: object) -> str:
    return hashlib.sha256(repr((python_version, depends)).encode()).hexdigest()
