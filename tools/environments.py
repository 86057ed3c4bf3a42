"""Makes the virtual environments: `.venv` for the engine and its tools, `.blenders/bpy-X.Y` for headless Blenders.

A stamp, written last, says which pins an environment was made for. One that lacks it is completed where it works and
made anew where an earlier run was killed inside it.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from .steps import ROOT, BuildError, locked, manifest, pins, quietly, step

STAMP = ".anchorstage.stamp"
UNFINISHED = ".anchorstage.unfinished"


@dataclass(frozen=True)
class Environment:
    """One virtual environment."""

    folder: Path
    requirements: tuple[str, ...]  # what pip installs
    fingerprint: str  # of all that it depends on
    check: str  # Python code that fails where the environment is not usable
    stamp: str = (
        STAMP  # the stamp's name; one folder may grow from one set of packages to a larger one
    )

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def ready(self) -> bool:
        """True where it was made for these pins, and to its end."""
        stamp = self.folder / self.stamp
        return (
            self.python.exists()
            and stamp.is_file()
            and stamp.read_text(encoding="ascii") == self.fingerprint
        )


def engine() -> Environment:
    """`.venv`: the engine with the `anchorstage` command, and what builds and tests it."""
    pin = pins()
    depends = (
        pin["project"],
        pin["build-system"],
        pin["tool"]["setuptools"],
        manifest()["version"],
    )
    check = "import cv2, numpy, OpenEXR, ziglang, pytest, mypy"
    return Environment(ROOT / ".venv", ("-e", f"{ROOT}[dev]"), _digest(depends), check)


def engine_with_torch() -> Environment:
    """`.venv` with torch and gsplat beside the rest: what tests and benchmarks hold the engine against."""
    base = engine()
    check = f"{base.check}; import torch, matplotlib"
    return Environment(
        base.folder, ("-e", f"{ROOT}[dev,ai]"), base.fingerprint, check, ".anchorstage.torch.stamp"
    )


def blender(version: str) -> Environment:
    """`.blenders/bpy-5.0` for the bpy wheel 5.0.1."""
    requirement = f"bpy=={version}"
    # os._exit: some versions crash or hang when a process that imported bpy ends in the ordinary way
    check = f"import os, bpy; os._exit(0 if bpy.app.version_string.startswith('{version}') else 1)"
    folder = ROOT / ".blenders" / f"bpy-{version.rpartition('.')[0]}"
    return Environment(folder, (requirement,), _digest(requirement), check)


def ensure(environment: Environment) -> Path:
    """Make the environment where it is not ready, and give its interpreter."""
    if not environment.ready():
        with locked():
            if not environment.ready():
                with step(
                    f"Setting up {environment.folder.relative_to(ROOT)} ({_names(environment)})"
                ):
                    _make(environment)
    return environment.python


def _make(environment: Environment) -> None:
    folder, unfinished = environment.folder, environment.folder / UNFINISHED
    if unfinished.exists() or not _works(environment.python, "import pip"):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        unfinished.touch()
        # the base interpreter, because build.py may itself run inside the environment that it makes
        quietly(
            [getattr(sys, "_base_executable", sys.executable), "-m", "venv", folder],
            "Making a virtual environment",
        )
    unfinished.touch()
    for old in folder.glob(".anchorstage*.stamp"):
        old.unlink()
    pip = [environment.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    quietly([*pip, *environment.requirements], "Installing the pinned packages")
    if not _works(environment.python, environment.check):
        raise BuildError(
            f"{folder} was set up but does not work; run the command again to make it anew."
        )
    for stamp in {STAMP, environment.stamp}:  # the larger set holds the smaller one
        (folder / stamp).write_text(environment.fingerprint, encoding="ascii")
    unfinished.unlink()


def _works(python: Path, code: str) -> bool:
    if not python.exists():
        return False
    return (
        subprocess.run(
            [python, "-c", code], capture_output=True, check=False, timeout=300
        ).returncode
        == 0
    )


def _names(environment: Environment) -> str:
    if environment.requirements[0] != "-e":
        return environment.requirements[0]
    tools = "the engine, its packages, the compiler and the test tools"
    return tools if environment.stamp == STAMP else f"{tools}, torch and gsplat"


def _digest(depends: object) -> str:
    return hashlib.sha256(repr((sys.version_info[:2], depends)).encode()).hexdigest()
