"""Run scenario scripts in real Blenders, with the zip installed in a throw-away profile."""

import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tools import environments, package
from tools.shared import shared
from tools.steps import pins

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
TAIL = 4000  # characters of a failed Blender's output that a person still reads
SCREEN = "-screen 0 1600x1000x24"


class Blender(NamedTuple):
    """One Blender that the tests know of; whether it is on this machine, `is_here` says."""

    name: str  # "bpy-4.2", "window-5.2"
    kind: str  # "bpy": a headless wheel, run as a Python; "window": an executable
    executable: Path

    @property
    def is_here(self) -> bool:
        """True where it can be run."""
        return self.executable.exists()


class BlenderFailed(Exception):
    """A scenario failed; the text ends with what Blender said."""


def expected() -> list[Blender]:
    """Return every Blender of pyproject.toml, on this machine or not."""
    own = pins()["tool"]["anchorstage"]
    wheels = [_wheel(version) for version in own["bpy"] + own["bpy-python-3-13"]]
    folder = windowed_folder()
    windowed = [
        Blender(f"window-{version}", "window", folder / f"blender-{version}")
        for version in own["windowed"]
    ]
    return wheels + windowed


def _wheel(version: str) -> Blender:
    name = f"bpy-{version.rpartition('.')[0]}"
    python = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return Blender(name, "bpy", ROOT / ".blenders" / name / python)


def without_python() -> list[Blender]:
    """Return the wheels that nothing on this machine can run: those whose Python it lacks."""
    return [_wheel(version) for version in environments.versions_left_out()]


def windowed_folder() -> Path:
    """Return the folder in which the windowed Blenders are looked for."""
    return Path(os.environ.get("ANCHORSTAGE_BLENDERS", "/opt/real-blender/bin"))


def windows_are_wanted() -> bool:
    """Return True if this machine is meant to have windowed Blenders."""
    return "ANCHORSTAGE_BLENDERS" in os.environ or shared("real-blender") is not None


def blenders() -> list[Blender]:
    """The Blenders that are on this machine."""
    return [blender for blender in expected() if blender.is_here]


@cache
def package_zip() -> Path:
    """Return this platform's zip of the extension, made once a session by `build.py package`."""
    subprocess.run([sys.executable, ROOT / "build.py", "package"], check=True, capture_output=True)
    return package.zip_path(package.this_platform())


@cache
def staged(path: Path) -> Path:
    """Copy a file or a folder of this project to where every Blender can read it.

    A windowed Blender may see only some folders of the machine, the temporary one among them.
    """
    place = _stage() / path.relative_to(ROOT)
    if path.is_dir():
        shutil.copytree(
            path, place, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True
        )
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return place


@cache
def _stage() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="anchorstage-stage-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def installed_profile(blender: Blender, archive: Path) -> Path:
    """Return a BLENDER_USER_RESOURCES where the zip is enabled, made once a session for each."""
    profile = Path(tempfile.mkdtemp(prefix=f"anchorstage-{blender.name}-"))
    atexit.register(shutil.rmtree, profile, ignore_errors=True)
    launch(blender, profile, [TESTS / "blender_install.py"], [archive], timeout=300)
    return profile


def run(
    blender: Blender,
    script: Path,
    *arguments: object,
    timeout: float = 300,
    window: bool = False,
    environment: dict[str, str] | None = None,
) -> dict:
    """Run a scenario with the packaged extension installed and enabled.

    Args:
        blender: The Blender to run it in.
        script: It finds its arguments in `sys.argv[1:]`; the last is the path to which it writes
            one JSON object.
        *arguments: For the script, before that path.
        timeout: Seconds after which Blender and all that it started is killed.
        window: In a window on a virtual screen; the script must then end with `os._exit(0)`.
        environment: Further environment variables.

    Returns:
        The object that the script wrote, with Blender's output under "stdout".

    Raises:
        BlenderFailed: It ended with another status than 0, took too long, or wrote nothing.
    """
    profile = installed_profile(blender, package_zip())
    with tempfile.TemporaryDirectory(prefix="anchorstage-run-") as folder:
        output = Path(folder) / "result.json"
        inside = ["window" if window else "headless", script, *arguments, output]
        entry = [TESTS / "blender_entry.py"]
        said = launch(
            blender, profile, entry, inside, timeout=timeout, window=window, environment=environment
        )
        if not output.is_file():
            raise BlenderFailed(f"{script} wrote no result in {blender.name}\n{said[-TAIL:]}")
        return {"stdout": said, **json.loads(output.read_text(encoding="utf-8"))}


def launch(blender, profile, script, arguments, *, timeout, window=False, environment=None) -> str:
    """Start a Blender with a script and give all that it said."""
    if blender.kind == "window":
        script, arguments = _readable(script), _readable(arguments)
    command = [str(part) for part in _command(blender, script, arguments, window)]
    variables = {
        **os.environ,
        **(environment or {}),
        "BLENDER_USER_RESOURCES": str(profile),
        "PYTHONUNBUFFERED": "1",
    }
    variables.pop("PYTHONPATH", None)
    pipes = {
        "stdout": subprocess.PIPE,
        "stderr": subprocess.STDOUT,
        "text": True,
        "errors": "replace",
    }
    process = subprocess.Popen(command, env=variables, start_new_session=True, **pipes)
    try:
        said, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate()
        raise BlenderFailed(
            f"{blender.name} took more than {timeout} s: {' '.join(command)}\n{said[-TAIL:]}"
        ) from None
    if process.returncode:
        raise BlenderFailed(
            f"{blender.name} ended with {process.returncode}: {' '.join(command)}\n{said[-TAIL:]}"
        )
    return said


def _readable(parts: list) -> list:
    """Replace the paths of this project by those of copies; scripts keep their neighbours."""
    staged(TESTS)
    ours = [isinstance(part, Path) and part.is_relative_to(ROOT) for part in parts]
    return [staged(part) if own else part for own, part in zip(ours, parts, strict=True)]


def _command(blender: Blender, script: list, arguments: list, window: bool) -> list:
    if blender.kind == "bpy":
        return [blender.executable, *script, *arguments]
    options = ["--python-exit-code", "1", "-P", *script, "--", *arguments]
    if window:
        return [
            "xvfb-run",
            "-a",
            "-s",
            SCREEN,
            blender.executable,
            "--enable-event-simulate",
            "--window-geometry",
            "0",
            "0",
            "1600",
            "1000",
            *options,
        ]
    return [blender.executable, "-b", *options]
