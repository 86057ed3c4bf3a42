"""The rasteriser's costs beside its peers': `rows()` for the whole benchmark, or run it alone.

    python -m benchmarks.render_bench

Each row has splats, width, height, passes, threads, cpu_ms (all threads), wall_ms, fps, peer and
ratio (the peer's wall time in ours); the stages' milliseconds are those of one thread alone.
"""

import sys
from dataclasses import replace

from benchmarks import gsplat_peer, torch_peer, training_bench
from benchmarks.memory_bench import memory_row
from benchmarks.scenes import SIZE, photo_like_scene, shifted, with_harmonics
from benchmarks.stages import stage_columns
from benchmarks.timing import Timing, measure, row, say
from engine.camera import View
from engine.render import RenderOptions
from engine.render.rasteriser import render
from engine.splats.record import Splats

__all__ = ["photo_like_scene", "rows", "shifted"]

COUNTS = 100_000, 300_000, 500_000, 1_000_000, 3_000_000
SIZES = SIZE, (1920, 1080), (3840, 2160)
TWIN_COUNT, TWIN_SIZE = 2_000, (320, 180)  # the NumPy twin takes minutes for more
CLOSER_COUNT = 1_000_000  # the scene that is also drawn with harmonics, and whose memory is held against the peer's
COLOR, ALL = "colour, depth, alpha", "all"
OPTIONS = {COLOR: RenderOptions(color_only=True, backend="cpu"), ALL: RenderOptions(backend="cpu")}


def rows() -> list[dict[str, object]]:
    """Forward, each part against its peer, backward, memory, and CUDA where it is."""
    forward: list[dict[str, object]] = []
    parts: list[dict[str, object]] = []
    memory: list[dict[str, object]] = []
    for count in COUNTS:
        splats, own = photo_like_scene(count)
        forward += _forward_rows(splats, own)
        parts.append(gsplat_peer.projection_row(splats, own))
        memory.append(memory_row(splats, own, ALL, peer=False))
        if count == CLOSER_COUNT:
            memory.append(memory_row(splats, own.resized(*SIZES[-1]), ALL, peer=False))
            memory.append(memory_row(splats, own, COLOR, peer=True))
            forward.append(
                _forward_row(with_harmonics(splats), own, "photo's, harmonics of degree 3", COLOR)
            )
            parts.append(gsplat_peer.harmonics_row(splats, own))
    parts += [
        gsplat_peer.tile_lists_row(),
        _twin_row(),
        *training_bench.rows(),
        *gsplat_peer.cuda_rows(),
    ]
    return forward + parts + memory


def _forward_rows(splats: Splats, own: View) -> list[dict[str, object]]:
    """All sizes from the photo's camera, and the first from one beside it."""
    table = []
    for size in SIZES:
        view = own.resized(*size)
        theirs = _peer(splats, view)
        table += [
            _forward_row(splats, view, "photo's", passes, theirs if passes == COLOR else None)
            for passes in OPTIONS
        ]
    view = shifted(own)
    return table + [_forward_row(splats, view, "moved", passes) for passes in OPTIONS]


def _forward_row(
    splats: Splats, view: View, camera: str, passes: str, theirs: Timing | None = None
) -> dict[str, object]:
    say(f"forward: {len(splats)} splats at {view.width}x{view.height}, {camera} camera, {passes}")
    options = OPTIONS[passes]
    ours = measure(lambda: render(splats, view, options))
    stages = stage_columns(splats, view, options)
    peer = "PyTorch rasteriser" if theirs else ""
    return row("forward", len(splats), view, passes, ours, peer, theirs, camera=camera, **stages)


def _peer(splats: Splats, view: View) -> Timing:
    say(f"PyTorch rasteriser: {len(splats)} splats at {view.width}x{view.height}")
    parameters = torch_peer.tensors(splats)
    return measure(lambda: torch_peer.render(parameters, view))


def _twin_row() -> dict[str, object]:
    splats, view = photo_like_scene(TWIN_COUNT, TWIN_SIZE)
    say(f"NumPy twin: {len(splats)} splats")
    options = OPTIONS[COLOR]
    ours = measure(lambda: render(splats, view, options))
    theirs = measure(lambda: render(splats, view, replace(options, twin=True)), repeats=2)
    return row("forward", len(splats), view, COLOR, ours, "NumPy twin", theirs)


if __name__ == "__main__":
    for line in rows():
        sys.stdout.write("  ".join(f"{name} {value}" for name, value in line.items()) + "\n")
