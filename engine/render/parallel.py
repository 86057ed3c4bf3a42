"""Ranges of work on a pool of threads; the kernels release the GIL."""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

from ..progress import Progress

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def thread_count(threads: int | None) -> int:
    """The number asked for, or one a core."""
    return threads or os.cpu_count() or 1


def split(length: int, pieces: int) -> list[range]:
    """`range(length)` cut into at most `pieces` parts of nearly equal length, none empty."""
    pieces = max(1, min(pieces, length))
    cuts = [length * i // pieces for i in range(pieces + 1)]
    return [range(a, b) for a, b in pairwise(cuts)]


def run(
    pool: ThreadPoolExecutor,
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    progress: Progress | None,
) -> list[Result]:
    """The results of `work` on every piece, in order; stops between pieces where cancelled.

    Raises:
        Cancelled: through `progress`; pieces not yet begun are dropped, those under way are waited for.
    """
    futures: list[Future[Result]] = [pool.submit(work, piece) for piece in pieces]
    try:
        return [_result(future, progress) for future in futures]
    finally:
        for future in futures:
            future.cancel()


def _result(future: "Future[Result]", progress: Progress | None) -> Result:
    if progress is not None:
        progress.check()
    return future.result()
