"""The memory that is left, asked before a frame is begun.

So a frame that is too large ends in a sentence and not in the process's end: Linux grants more
memory than there is and kills whoever then uses it, and waiting for MemoryError is not enough.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..camera import View
from ..errors import RenderError
from ..kernels.constants import PLANES
from ..kernels.rasterise import RECORD
from ..tables.passes import DRAWN

# Of all arrays of ProxyRender.
PIXEL_BYTES = sum(each.channels * np.dtype(each.dtype).itemsize for each in DRAWN)

_FLOAT_BYTES = 4
_ENTRY_BYTES = 8  # a splat in one tile
SPLAT_BYTES = (
    PLANES * _FLOAT_BYTES  # prepared
    + 3 * _FLOAT_BYTES  # its normal
    + RECORD.itemsize  # on the picture
    + 2 * _ENTRY_BYTES  # its entry in one tile, and the sort's copy
)


class Cgroup(NamedTuple):
    """Files of Linux that tell how much memory a container may use and uses."""

    limit: str
    usage: str
    stat: str
    cached: str  # field of `stat`: used, but given back when it is needed


_CGROUPS = (
    # version 2
    Cgroup(
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory.current",
        "/sys/fs/cgroup/memory.stat",
        "inactive_file",
    ),
    # version 1
    Cgroup(
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        "/sys/fs/cgroup/memory/memory.stat",
        "total_inactive_file",
    ),
)


@contextmanager
def enough_memory(count: int, view: View) -> Iterator[None]:
    """Make a frame inside this context.

    A frame that does not fit ends in a sentence, before it is begun or when memory runs out.

    Args:
        count: splats that will be prepared and projected.
        view: whose picture is made.

    Raises:
        RenderError: less memory is left than the passes and the splats' prepared forms take.
    """
    needed = PIXEL_BYTES * view.width * view.height + SPLAT_BYTES * count
    left = available()
    words = (
        f"A picture of {view.width}x{view.height} from {count} splats "
        "does not fit into the memory that is left"
    )
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
    """Return the bytes that this process may still take without pushing others out.

    None where the system does not say.
    """
    if sys.platform == "win32":
        return _windows()
    if sys.platform == "darwin":
        # It tells only how much is built in; it compresses and swaps before it fails.
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    answers = [_meminfo(), _address_space(), *map(_cgroup, _CGROUPS)]
    known = [left for left in answers if left is not None]
    return max(0, min(known)) if known else None


def _meminfo() -> int | None:
    return _field(Path("/proc/meminfo"), "MemAvailable:", 1024)


def _address_space() -> int | None:
    """Return the bytes that `ulimit -v` leaves; None where there is no such limit."""
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    usage = Path("/proc/self/statm")
    if limit == resource.RLIM_INFINITY or not usage.is_file():
        return None
    pages = int(usage.read_text(encoding="ascii").split()[0])
    return limit - pages * os.sysconf("SC_PAGE_SIZE")


def _cgroup(files: Cgroup) -> int | None:
    """Return the bytes that a container may still use; None where it has no limit."""
    limit = Path(files.limit)
    usage = Path(files.usage)
    if not (limit.is_file() and usage.is_file()):
        return None
    most = limit.read_text(encoding="ascii").strip()
    if most == "max":
        return None
    used = int(usage.read_text(encoding="ascii"))
    cached = _field(Path(files.stat), files.cached, 1) or 0
    return int(most) - used + cached


def _field(path: Path, name: str, unit: int) -> int | None:
    """Return the number after `name` in a file of names and numbers, times `unit`."""
    if not path.is_file():
        return None
    for line in path.read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[:1] == [name]:
            return int(words[1]) * unit
    return None


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        ("total", ctypes.c_uint64),
        ("left", ctypes.c_uint64),
        ("page_total", ctypes.c_uint64),
        ("page_left", ctypes.c_uint64),
        ("space", ctypes.c_uint64),
        ("space_left", ctypes.c_uint64),
        ("extended", ctypes.c_uint64),
    ]


def _windows() -> int | None:
    """Return the bytes that Windows will still commit.

    It grants only what it has, and grows its page file first.
    """
    if sys.platform == "win32":
        status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
        if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):
            return int(min(status.page_left, status.space_left))
    return None
