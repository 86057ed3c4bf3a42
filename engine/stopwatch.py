"""Seconds of each stage of a job."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from .freed import give_back


class Stopwatch:
    """Wall-clock seconds by stage, in the order the stages ran."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time of the block to the stage's; give freed memory back before it."""
        give_back()
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(self.seconds.get(name, 0.0) + time.perf_counter() - start, 4)
