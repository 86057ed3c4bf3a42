"""Giving freed memory back to the system between the stages of a job.

glibc keeps the pages that a program frees, in pieces between those still used: after a photo of 12
megapixels some 150 MB that nobody uses.
"""

import ctypes
import sys


def give_back() -> None:
    """Return whole free pages to the system, where its C library keeps them (glibc).

    It takes a few milliseconds.
    """
    if sys.platform != "linux":
        return
    # musl has no such function, and keeps little.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
