"""The seconds that each stage of a job takes."""

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
        """Add the time of the block to the stage's.

        Memory that was freed before it goes back to the system first.
        """
        give_back()
        start = time.perf_counter()
        try:
            yield
        finally:
            before = self.seconds.get(name, 0.0)
            total = before + time.perf_counter() - start
            self.seconds[name] = round(total, 4)
