"""What every test may ask for: the photo, the packaged zip, and the Blenders."""

import os
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS), str(TESTS / "engine"), str(ROOT)]

import blenders  # noqa: E402

from tools import environments  # noqa: E402


@pytest.fixture(scope="session")
def china() -> Path:
    """The real photo that the demo uses, 640 by 427 pixels."""
    from tools.photo import ensure_photo

    return ensure_photo(Path(sys.executable))


@pytest.fixture(scope="session")
def package_zip() -> Path:
    """The extension's zip for this platform, as `build.py package` makes it."""
    return blenders.package_zip()


@pytest.fixture(params=blenders.expected(), ids=lambda blender: blender.name)
def blender(request) -> blenders.Blender:
    """Each Blender in turn, to be run without a window."""
    return _present(request.param)


@pytest.fixture(
    params=[b for b in blenders.expected() if b.kind == "bpy"], ids=lambda blender: blender.name
)
def bpy_blender(request) -> blenders.Blender:
    """Each headless wheel in turn."""
    return _present(request.param)


@pytest.fixture(
    params=[b for b in blenders.expected() if b.kind == "window"], ids=lambda blender: blender.name
)
def window_blender(request) -> blenders.Blender:
    """Each Blender with a window in turn."""
    return _present(request.param)


def _present(blender: blenders.Blender) -> blenders.Blender:
    """Skip if a Blender is missing on a developer's machine; fail in continuous integration.

    A wheel whose Python this machine lacks is skipped everywhere, and so are windowed Blenders that
    nobody set up: those are wanted where ANCHORSTAGE_SHARED or ANCHORSTAGE_BLENDERS brings them.
    """
    if blender in blenders.without_python():
        pytest.skip(f"{blender.name} is left out: this machine has no Python for it")
    if not blender.is_here:
        why = f"{blender.name}: there is no {blender.executable}"
        is_wanted = blender.kind == "bpy" or blenders.windows_are_wanted()
        if is_wanted and os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    return blender


def pytest_terminal_summary(terminalreporter) -> None:
    """Write a line if tests were skipped for want of a Blender, and one for want of a Python."""
    skipped = terminalreporter.stats.get("skipped", [])
    if any("is left out" in str(report.longrepr) for report in skipped):
        terminalreporter.write_line(environments.left_out_sentence())
    missing = [report for report in skipped if "there is no" in str(report.longrepr)]
    if missing:
        left_out = blenders.without_python()
        absent = [b.name for b in blenders.expected() if not b.is_here and b not in left_out]
        terminalreporter.write_line(
            f"{len(missing)} tests skipped: this machine lacks {', '.join(sorted(absent))} "
            "(`build.py test` sets up the wheels; "
            "ANCHORSTAGE_BLENDERS names the folder of the windowed ones)"
        )
