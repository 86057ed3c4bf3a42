"""Progress and cancelling: the one object that every long job reports to and asks."""

import threading
from collections.abc import Callable

from .errors import Cancelled

Report = Callable[[float, str], None]


class Progress:
    """Tells a listener how far a job is, and raises `Cancelled` where the user has cancelled.

    Thread-safe: `cancel` may be called from any thread; `check` and `__call__` from the job's.
    """

    def __init__(
        self, report: Report | None = None, cancelled: threading.Event | None = None
    ) -> None:
        """Take the listener (fraction 0..1, the stage's name) and the flag that cancels."""
        self._report = report
        self._cancelled = cancelled or threading.Event()

    def cancel(self) -> None:
        """Ask the job to stop at its next check."""
        self._cancelled.set()

    def check(self) -> None:
        """Raise `Cancelled` where the job should stop."""
        if self._cancelled.is_set():
            raise Cancelled

    def __call__(self, fraction: float, stage: str) -> None:
        """Report how far the job is.

        Raises:
            Cancelled: the job should stop.
        """
        self.check()
        if self._report is not None:
            clamped = min(max(fraction, 0.0), 1.0)
            self._report(clamped, stage)

    def part(self, start: float, end: float) -> "Progress":
        """Return a progress whose 0 to 1 lies between `start` and `end` of this one."""
        length = end - start

        def report(fraction: float, stage: str) -> None:
            self(start + length * fraction, stage)

        return Progress(report, self._cancelled)
