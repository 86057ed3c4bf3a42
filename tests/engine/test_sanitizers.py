"""The kernels under the address and undefined-behaviour sanitizers, and proof that these would speak up."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from built_kernels import build_sanitized

from engine.kernels import compiler

ROOT = Path(__file__).resolve().parents[2]
SCENES = Path(__file__).with_name("sanitized_scenes.py")
FAULTS = {
    "address": (
        "heap-buffer-overflow",
        "#include <stdlib.h>\nint fault(int n); int fault(int n) {"
        " volatile char *p = malloc(4); int r = p[n]; free((void *)p); return r; }\n",
    ),
    "undefined": (
        "overflow",
        "int fault(int n); int fault(int n) { return 2147483647 - 4 + n; }\n",
    ),
}


def environment(sanitizer: str) -> dict[str, str]:
    """The variables under which Python can load a library with that sanitizer."""
    plain = {**os.environ, "ANCHORSTAGE_KERNELS": "plain", "PYTHONPATH": str(ROOT)}
    if sanitizer == "undefined":
        return plain
    return {
        **plain,
        "LD_PRELOAD": runtime(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONMALLOC": "malloc",
    }


def runtime() -> str:
    """The system's libasan.so, which must be loaded first."""
    path = ""
    if shutil.which("gcc"):
        path = subprocess.check_output(["gcc", "-print-file-name=libasan.so"], text=True).strip()
    if not Path(path).is_absolute():
        why = "no libasan.so; install gcc"
        pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
    return path


def python(sanitizer: str, *arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(
        command,
        env=environment(sanitizer),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the address sanitizer is preloaded as Linux does it"
)


@pytest.mark.parametrize("sanitizer", FAULTS)
def test_kernels_draw_awkward_scenes_without_a_fault(sanitizer, tmp_path):
    build_sanitized(sanitizer, tmp_path)
    result = python(sanitizer, SCENES, tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr[-4000:]
    parts = [
        "draw_sizes",
        "draw_strange",
        "draw_harmonics",
        "join_edges",
        *["follow_gradients"] * bool(find_spec("torch")),
    ]
    assert [line.split()[0] for line in result.stdout.splitlines()] == parts


@pytest.mark.parametrize("sanitizer", FAULTS)
def test_the_sanitizer_finds_a_planted_fault(sanitizer, tmp_path, monkeypatch):
    words, source = FAULTS[sanitizer]
    (tmp_path / "fault.c").write_text(source)
    monkeypatch.setattr(compiler, "SOURCES", tmp_path)
    library = build_sanitized(sanitizer, tmp_path)
    call = f"import ctypes; ctypes.CDLL({str(library)!r}).fault(%d)"
    assert python(sanitizer, "-c", call % 3).returncode == 0
    result = python(sanitizer, "-c", call % 5)
    assert result.returncode != 0
    assert words in result.stderr
