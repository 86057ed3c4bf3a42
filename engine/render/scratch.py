"""Arrays that a frame needs only until it is finished, kept for the next frame.

A fresh array of tens of megabytes costs a page fault every four kilobytes; at 30 frames a second that is a third of the time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

KEPT_BYTES = (
    192 << 20
)  # a frame of some three million splats; what is larger is given back to the system


class Scratch:
    """Named arrays of which each grows as it is asked for; what is in them is whatever was there before."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._arrays: dict[str, np.ndarray] = {}

    def take(self, name: str, count: int, dtype: np.dtype | type) -> np.ndarray:
        """An array (count,) of this type; the same memory at the next call of the same name."""
        wanted = np.dtype(dtype)
        array = self._arrays.get(name)
        if array is None or array.nbytes < count * wanted.itemsize:
            self._arrays.pop(name, None)
            array = self._arrays[name] = np.empty(count * wanted.itemsize, np.uint8)
        return array[: count * wanted.itemsize].view(wanted)

    @property
    def nbytes(self) -> int:
        """What it holds."""
        return sum(array.nbytes for array in self._arrays.values())


_idle: list[Scratch] = []
_lock = threading.Lock()


@contextmanager
def borrowed() -> Iterator[Scratch]:
    """A scratch for one frame; each thread that renders has its own, and one of them is kept for later."""
    with _lock:
        scratch = _idle.pop() if _idle else Scratch()
    try:
        yield scratch
    finally:
        with _lock:
            if not _idle and scratch.nbytes <= KEPT_BYTES:
                _idle.append(scratch)
