"""What each stage of a frame costs on one thread, timed at the kernels' doors."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import ModuleType
from unittest import mock

from benchmarks.timing import milliseconds
from engine.camera import View
from engine.kernels import harmonics, rasterise
from engine.render import RenderOptions
from engine.render.rasteriser import render
from engine.splats.record import Splats

REPEATS = 3
DOORS: dict[
    str, tuple[ModuleType, str]
] = {  # one kernel sorts, blends and writes a tile: they cannot be told apart
    "project": (rasterise, "project"),
    "harmonics": (harmonics, "colors"),
    "scatter": (rasterise, "scatter"),
    "sort_blend_write": (rasterise, "blend"),
}


def stage_seconds(splats: Splats, view: View, options: RenderOptions) -> dict[str, float]:
    """CPU seconds of a frame on one thread: of each stage, of the `rest` (culling, sums, making arrays) and `in_all`.

    Each is the least of `REPEATS` frames; a scene's first frame, which prepares it, is not counted.
    """
    alone = replace(options, threads=1)
    render(splats, view, alone)
    frames = [_frame(splats, view, alone) for _ in range(REPEATS)]
    return {name: min(frame[name] for frame in frames) for name in frames[0]}


def stage_columns(splats: Splats, view: View, options: RenderOptions) -> dict[str, object]:
    """The same as columns of the table, in milliseconds."""
    return {
        f"{name}_ms": milliseconds(spent)
        for name, spent in stage_seconds(splats, view, options).items()
    }


def _frame(splats: Splats, view: View, options: RenderOptions) -> dict[str, float]:
    with _stopwatch() as spent:
        start = time.process_time()
        render(splats, view, options)
        total = time.process_time() - start
    return spent | {"rest": max(0.0, total - sum(spent.values())), "in_all": total}


@contextmanager
def _stopwatch() -> Iterator[dict[str, float]]:
    """CPU seconds that the calling threads spend behind each door while this is open."""
    spent = dict.fromkeys(DOORS, 0.0)
    with ExitStack() as stack:
        for name, (module, function) in DOORS.items():
            timed = _timed(getattr(module, function), name, spent)
            stack.enter_context(mock.patch.object(module, function, timed))
        yield spent


def _timed(
    work: Callable[..., object], name: str, spent: dict[str, float]
) -> Callable[..., object]:
    def timed(*arguments: object, **named: object) -> object:
        start = time.thread_time()
        result = work(*arguments, **named)
        spent[name] += time.thread_time() - start
        return result

    return timed
