"""How much memory is left: asked before a frame is begun, so that one too large is a sentence and not the process's end.

Linux grants more memory than there is and kills whoever then uses it, so that waiting for MemoryError is not enough.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ..camera import View
from ..errors import RenderError
from ..tables.passes import DRAWN

# Of all passes of a frame.
PIXEL_BYTES = sum(one.channels * np.dtype(one.dtype).itemsize for one in DRAWN)
SPLAT_BYTES = (
    52 + 12 + 40 + 16
)  # prepared, its normal, its record on the picture, its entry in one tile and the sort's copy

_CGROUPS = (  # what a container may use and uses: version 2, version 1
    (
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory.current",
        "/sys/fs/cgroup/memory.stat",
        "inactive_file",
    ),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)


@contextmanager
def enough_memory(count: int, view: View) -> Iterator[None]:
    """Make a frame inside this: one that does not fit ends in a sentence, before it is begun or when memory runs out.

    Args:
        count: splats that will be prepared and projected.
        view: whose picture is made.

    Raises:
        RenderError: less memory is left than the passes and the splats' prepared forms take.
    """
    needed, left = PIXEL_BYTES * view.width * view.height + SPLAT_BYTES * count, available()
    words = f"A picture of {view.width}x{view.height} from {count} splats does not fit into the memory that is left"
    remedy = "make it smaller, use fewer splats or close other programs."
    if left is not None and needed > left:
        raise RenderError(
            f"{words} ({left / 1e9:.1f} GB of {needed / 1e9:.1f} GB needed); {remedy}"
        )
    try:
        yield
    except MemoryError as error:
        raise RenderError(f"{words}; {remedy}") from error


def available() -> int | None:
    """Bytes that this process may still take without pushing others out; None where the system does not say."""
    if sys.platform == "win32":
        return _windows()
    if (
        sys.platform == "darwin"
    ):  # tells only what is built in; it compresses and swaps before it fails
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    known = [
        left for left in (_meminfo(), _address_space(), *map(_cgroup, _CGROUPS)) if left is not None
    ]
    return max(0, min(known)) if known else None


def _meminfo() -> int | None:
    return _field(Path("/proc/meminfo"), "MemAvailable:", 1024)


def _address_space() -> int | None:
    """What `ulimit -v` leaves."""
    import resource

    limit, pages = resource.getrlimit(resource.RLIMIT_AS)[0], Path("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not pages.is_file():
        return None
    return limit - int(pages.read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")


def _cgroup(files: tuple[str, str, str, str]) -> int | None:
    limit, usage, stat, cached = Path(files[0]), Path(files[1]), Path(files[2]), files[3]
    if not (limit.is_file() and usage.is_file()):
        return None
    most = limit.read_text(encoding="ascii").strip()
    if most == "max":
        return None
    return int(most) - int(usage.read_text(encoding="ascii")) + (_field(stat, cached, 1) or 0)


def _field(path: Path, name: str, unit: int) -> int | None:
    """The number after `name` in a file of names and numbers, times `unit`."""
    if not path.is_file():
        return None
    rows = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return next((int(row[1]) * unit for row in rows if row[:1] == [name]), None)


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *(
            (name, ctypes.c_uint64)
            for name in (
                "total",
                "left",
                "page_total",
                "page_left",
                "space",
                "space_left",
                "extended",
            )
        ),
    ]


def _windows() -> int | None:
    """What Windows will still commit: it grants only what it has, and grows its page file first."""
    if sys.platform == "win32":
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
            return int(min(status.page_left, status.space_left))
    return None
