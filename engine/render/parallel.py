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
    """Return the number asked for, or one a core."""
    return threads or os.cpu_count() or 1


def split(length: int, pieces: int) -> list[range]:
    """Cut `range(length)` into at most `pieces` parts of nearly equal length, none empty."""
    pieces = max(1, min(pieces, length))
    cuts = [length * piece // pieces for piece in range(pieces + 1)]
    return [range(first, end) for first, end in pairwise(cuts)]


def run(
    pool: ThreadPoolExecutor,
    work: Callable[[Piece], Result],
    pieces: Iterable[Piece],
    progress: Progress | None,
) -> list[Result]:
    """Do the work on every piece; stop between pieces where cancelled.

    Returns:
        The results, in the order of the pieces.

    Raises:
        Cancelled: through `progress`. Pieces that have not begun are dropped; those under way are
            waited for.
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
