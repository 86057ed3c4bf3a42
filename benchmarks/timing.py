"""How times are taken and told: `measure`, and `row`, the columns that every measurement of the rasteriser has."""

import os
import sys
import time
from collections.abc import Callable
from typing import NamedTuple

from engine.camera import View

REPEATS = 5
FEWEST = 2  # a first run pays for memory that the later ones find ready: PyTorch's by several times their own cost
PATIENCE_S = 3.0  # of one measurement; the slow ones are repeated less, and say so


class Timing(NamedTuple):
    """The least of some runs."""

    wall: float  # seconds
    cpu: float  # seconds, of all threads of the process
    repeats: int


def measure(
    work: Callable[[], object], repeats: int = REPEATS, patience: float = PATIENCE_S
) -> Timing:
    """Time `work`: after one run that only warms up, `repeats` more, or fewer where they are slow.

    Args:
        work: what is timed.
        repeats: the most runs that count.
        patience: seconds after which no further run begins, where `FEWEST` have been made.
    """
    start = time.perf_counter()
    work()
    runs: list[tuple[float, float]] = []
    while len(runs) < repeats and (len(runs) < FEWEST or time.perf_counter() - start < patience):
        runs.append(_once(work))
    return Timing(min(wall for wall, _ in runs), min(cpu for _, cpu in runs), len(runs))


def measure_first(work: Callable[[], object]) -> Timing:
    """Time `work` once, cold."""
    return Timing(*_once(work), 1)


def _once(work: Callable[[], object]) -> tuple[float, float]:
    start = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def row(
    what: str,
    splats: int,
    view: View,
    passes: str,
    ours: Timing,
    peer: str = "",
    theirs: Timing | None = None,
    threads: int | None = None,
    **more: object,
) -> dict[str, object]:
    """One line of the table: the ratio first (the peer's wall time in ours), then what is absolute."""
    line: dict[str, object] = {
        "what": what,
        "peer": peer,
        "ratio": round(theirs.wall / ours.wall, 2) if theirs else "",
        "splats": splats,
        "width": view.width,
        "height": view.height,
        "passes": passes,
        "threads": threads or os.cpu_count(),
        "cpu_ms": milliseconds(ours.cpu),
        "wall_ms": milliseconds(ours.wall),
        "fps": round(1 / ours.wall, 1),
        "repeats": ours.repeats,
        "peer_cpu_ms": milliseconds(theirs.cpu) if theirs else "",
        "peer_wall_ms": milliseconds(theirs.wall) if theirs else "",
        "peer_repeats": theirs.repeats if theirs else "",
    }
    return line | more


def milliseconds(seconds: float) -> float:
    """To a tenth."""
    return round(seconds * 1000, 1)


def say(text: str) -> None:
    """Tell whoever waits what is being measured."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
