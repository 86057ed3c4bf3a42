"""The one command of a clone: demo, test, bench, package, kernels, style.

Each sets up what it needs, in this folder alone, and says so in a line; a second run finds it.
It needs the standard library only. Nothing that an old Python lacks is imported before the version
was looked at.
"""

import sys

PYTHON = (3, 11)  # Blender's wheels, from 4.2 to 5.0, are made for this one

if sys.version_info[:2] != PYTHON:
    sys.stderr.write(
        "AnchorStage is built with Python %d.%d, which Blender's bpy wheels need, "
        "and this is Python %d.%d: "
        "install Python %d.%d and run `python%d.%d build.py ...`.\n"
        % (PYTHON + sys.version_info[:2] + PYTHON + PYTHON)
    )
    sys.exit(2)

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

from engine.kernels import compiler
from tools import environments, package
from tools import style as mirror
from tools.photo import ensure_photo
from tools.steps import ROOT, BuildError, pins, step


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    parser = _parser()
    options, extra = parser.parse_known_args(arguments)
    if extra and options.command not in (test, bench):
        parser.error(f"unrecognized arguments: {' '.join(extra)}")
    os.chdir(ROOT)
    try:
        return options.command(options, extra)
    except (BuildError, compiler.CompileError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130  # as a shell reports Ctrl-C


def demo(options: argparse.Namespace, _extra: list[str]) -> int:
    """Go from a photo to EXRs in a real headless Blender that has the zip installed."""
    if options.photo and not options.photo.is_file():
        sys.stderr.write(
            f"There is no photo at {options.photo}; give the path of a picture file.\n"
        )
        return 2
    python = environments.ensure(environments.engine())
    blender = environments.ensure(environments.blender(pins()["tool"]["anchorstage"]["bpy"][-1]))
    archive = package.build_zip(_this_platform(), python)
    photo = options.photo or ensure_photo(python)
    output = ROOT / "demo-out"
    with tempfile.TemporaryDirectory(prefix="anchorstage-demo-") as profile:
        command = [blender, "demo/demo.py", "--zip", archive, "--photo", photo, "--output", output]
        environment = {**os.environ, "BLENDER_USER_RESOURCES": profile}
        status = subprocess.run(command, env=environment, check=False).returncode
    return status or _run([python, "demo/sheet.py", output])


def test(options: argparse.Namespace, extra: list[str]) -> int:
    """Run ruff, mypy and pytest; further arguments go to pytest."""
    python = environments.ensure(environments.engine_with_torch())
    package.kernels(compiler.targets_for(), python)
    ensure_photo(python)
    if not options.quick:
        for version in environments.blender_versions():
            environments.ensure(environments.blender(version))
        if environments.versions_left_out():
            sys.stdout.write(f"{environments.left_out_sentence()}\n")
    ruff = [python, "-m", "ruff", "check", "--quiet", "."]
    mypy = [python, "-m", "mypy", "engine", "anchorstage_addon", "tools", "build.py"]
    outcomes = [
        _checked("Checking the style with ruff", ruff),
        _checked("Checking the types with mypy", mypy),
    ]
    sys.stdout.write(mirror.table())
    sys.stdout.flush()
    quick = ["-m", "not slow", "tests/engine"] if options.quick else []
    outcomes.append(_run([python, "-m", "pytest", *quick, *extra]))
    # the status of pytest comes first, because callers know its meaning
    failures = [outcome for outcome in reversed(outcomes) if outcome]
    return failures[0] if failures else 0


def bench(options: argparse.Namespace, extra: list[str]) -> int:
    """Run the benchmarks; further arguments go to them."""
    python = environments.ensure(environments.engine_with_torch())
    package.kernels(compiler.targets_for(), python)
    ensure_photo(python)
    return _run([python, "benchmarks/bench.py", *extra])


def package_zips(options: argparse.Namespace, _extra: list[str]) -> int:
    """Make the extension's zips, in dist/."""
    python = environments.ensure(environments.engine())
    if options.platform == "all":
        platforms = package.platforms()
    else:
        platforms = [options.platform or _this_platform()]
    for platform in platforms:
        archive = package.build_zip(platform, python)
        megabytes = archive.stat().st_size / 1e6
        sys.stdout.write(f"{archive.relative_to(ROOT)}: {megabytes:.1f} MB\n")
    return 0


def kernels(_options: argparse.Namespace, _extra: list[str]) -> int:
    """Compile the kernels of this machine, for work in a clone."""
    _this_platform()
    package.kernels(compiler.targets_for(), environments.ensure(environments.engine()))
    return 0


def style(_options: argparse.Namespace, _extra: list[str]) -> int:
    """Print a table of how easily the code is read, a room a line; it needs no set-up."""
    sys.stdout.write(mirror.table())
    return 0


def _this_platform() -> str:
    platform = package.this_platform()
    if platform is None:
        raise BuildError(
            f"AnchorStage is not made for {compiler.this_machine()}; "
            "use Linux, Windows or macOS, 64 bits."
        )
    return platform


def _run(command: list) -> int:
    """Run a command whose output is for the user, and return its exit status."""
    return subprocess.run(command, check=False).returncode


def _checked(text: str, command: list) -> int:
    """Run a command as a step, and write its output only if it fails."""
    with step(text):
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        sys.stdout.write(result.stdout + result.stderr)
    return result.returncode


def _absolute(path: str) -> Path:
    return Path(path).absolute()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="build.py",
        description="Sets itself up, then does one of these.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, function) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        sub.set_defaults(command=function)
        return sub

    add("demo", demo).add_argument(
        "photo", nargs="?", type=_absolute, metavar="PHOTO", help="the picture (default: china.jpg)"
    )
    add("test", test).add_argument(
        "--quick", action="store_true", help="no Blender and nothing slow: under three minutes"
    )
    add("bench", bench)
    add("package", package_zips).add_argument(
        "--platform", choices=["all", *package.platforms()], help="default: this one"
    )
    add("kernels", kernels)
    add("style", style)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
