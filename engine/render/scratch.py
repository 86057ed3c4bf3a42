"""Arrays that a frame needs only until it is finished, kept for the next frame.

A fresh array of tens of megabytes costs a page fault every four kilobytes; at 30 frames a second
that is a third of the time.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

# A frame of some three million splats; a larger scratch is given back to the system.
KEPT_BYTES = 192 << 20


class Scratch:
    """Named arrays, each of which grows as it is asked for; they hold whatever was written last."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._arrays: dict[str, np.ndarray] = {}

    def take(self, name: str, count: int, dtype: np.dtype | type) -> np.ndarray:
        """Return an array (count,) of this type.

        The next call with the same name gives the same memory.
        """
        element = np.dtype(dtype)
        nbytes = count * element.itemsize
        array = self._arrays.get(name)
        if array is None or array.nbytes < nbytes:
            # The old memory goes before the new one comes: both may not fit.
            self._arrays.pop(name, None)
            array = np.empty(nbytes, np.uint8)
            self._arrays[name] = array
        return array[:nbytes].view(element)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self._arrays.values())


_idle: list[Scratch] = []
_lock = threading.Lock()


@contextmanager
def borrowed() -> Iterator[Scratch]:
    """Lend a scratch for one frame.

    Each thread that renders has its own; one of them is kept for the next frame.
    """
    with _lock:
        scratch = _idle.pop() if _idle else Scratch()
    try:
        yield scratch
    finally:
        with _lock:
            if not _idle and scratch.nbytes <= KEPT_BYTES:
                _idle.append(scratch)
