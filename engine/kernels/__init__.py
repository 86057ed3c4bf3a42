"""The compiled kernels' one door: `load()` gives the ctypes library that fits this machine.

The C files lie beside this one; `compiler.py` builds them, each `NAME.py` declares the arguments of
`NAME.c`, `constants.py` repeats their constants and `twin.py` their formulas.
"""

import ctypes
import os
from functools import cache
from pathlib import Path

from ..errors import KernelError
from .compiler import LIBRARIES, targets_for, this_machine

ABI = 4  # what anchorstage_abi() of abi.c must say

_REMEDY = (
    "Run `python build.py kernels` in a clone, or install the zip that was made for this system."
)


@cache
def load() -> ctypes.CDLL:
    """Load the kernels, once: the x86-64-v3 build where it can run, else the plain one.

    The environment variable ANCHORSTAGE_KERNELS, `plain` or `v3`, decides instead where it is set.

    Raises:
        KernelError: No library fits this machine, or it is of another version than this code.
    """
    wanted = os.environ.get("ANCHORSTAGE_KERNELS", "")
    if wanted not in ("", "plain", "v3"):
        raise KernelError(
            f"ANCHORSTAGE_KERNELS is {wanted!r}; set it to plain or v3, or leave it out."
        )
    # Only the plain library runs everywhere, so it is the one that is asked.
    plain = _open(_path(v3=False))
    runs_v3 = bool(plain.anchorstage_runs_v3())
    if wanted == "v3" and not runs_v3:
        raise KernelError(
            "ANCHORSTAGE_KERNELS asks for v3, which this processor cannot run; set it to plain."
        )
    if wanted == "plain" or not runs_v3:
        return plain
    return _open(_path(v3=True))


def _path(v3: bool) -> Path:
    for target in targets_for():
        if target.cpu.endswith("v3") == v3:
            return LIBRARIES / target.filename
    raise KernelError(
        f"AnchorStage's kernels are not made for {this_machine()}; "
        "use Linux, Windows or macOS, 64 bits."
    )


def _open(path: Path) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(str(path))
        abi = library.anchorstage_abi()
    except (OSError, AttributeError) as error:
        raise KernelError(
            f"The compiled kernels ({path.name}) are missing or cannot be loaded. {_REMEDY}"
        ) from error
    if abi != ABI:
        raise KernelError(
            f"The compiled kernels ({path.name}) are of another version of AnchorStage. {_REMEDY}"
        )
    return library
