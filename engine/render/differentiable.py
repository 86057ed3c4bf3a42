"""The rasteriser under torch's autograd: pictures of splats whose gradients reach every parameter.

    parameters ─prepare─► blocks ─project─► records ─blend─► colour, depth, alpha        (frame.py, the renderer's own way)
    gradients ◄─project─ sums ◄─gather─ slots ◄─retrace─ gradients of colour, depth, alpha

On the CPU the kernels do both ways; on CUDA, gsplat. This file imports torch: import it where it is used, never from
the room's front door.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..camera import MAX_SIZE, View
from ..errors import ArgumentError
from ..kernels import backward
from ..kernels import rasterise as kernels
from .culling import Bounds
from .frame import Frame, bands_of, blend, project, scatter
from .parallel import run, split, thread_count
from .prepared import PIECES, Prepared
from .record import RenderOptions

TILES_PER_PIECE = 16  # half a tile row of 1024 pixels; about a millisecond of retracing

Picture = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def rasterise(
    means: torch.Tensor,
    scales: torch.Tensor,
    rotations: torch.Tensor,
    opacities: torch.Tensor,
    colors: torch.Tensor,
    view: View,
    near: float = 0.01,
    antialiased: bool = False,
    threads: int | None = None,
) -> Picture:
    """Draw splats so that a loss of the picture can be followed back to them.

    Kerbl et al. 2023 with gsplat 1.5.3's constants, and on the CPU bit for bit the picture of `render`. The gradient is
    that of the formulas: none where an opacity is held at 0.999, where a pixel was finished, where the projection's
    Jacobian is held at the frustum's edge, and none through the order of drawing. Splats that cannot be drawn get
    gradients of 0, as do those whose gradient float32 cannot hold. The same bits whatever the number of threads.

    Args:
        means: (N, 3) metres, world.
        scales: (N, 3) standard deviations in metres along the splats' own axes.
        rotations: (N, 4) quaternions w x y z of any length, world from splat.
        opacities: (N,) 0..1; what is above 1 is drawn as 1.
        colors: (N, 3) sRGB-encoded.
        view: the camera.
        near: metres; splats nearer than this are not drawn.
        antialiased: splats smaller than a pixel keep their light (`RenderOptions.antialiased`).
        threads: of the CPU; None for one a core.

    Returns:
        color (H, W, 3) premultiplied by alpha, depth (H, W) expected planar depth in metres, inf where alpha is below
        1/255 (a constant there), and alpha (H, W); float32, where the parameters are.

    Raises:
        ArgumentError: shapes, types or devices do not belong together, or the picture is too large.
    """
    parameters = (means, scales, rotations, opacities, colors)
    _check(parameters, view)
    if means.is_cuda:
        from . import cuda

        return cuda.rasterise(*parameters, view, near, antialiased)
    options = RenderOptions(color_only=True, near=near, antialiased=antialiased, threads=threads)
    return _Rasterise.apply(*parameters, view, options)


class _Rasterise(torch.autograd.Function):
    """`rasterise` on the CPU."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> Picture:
        *parameters, view, options = inputs
        arrays = [_array(tensor) for tensor in parameters]
        with ThreadPoolExecutor(thread_count(options.threads)) as pool:
            drawn = _draw(arrays, view, options, pool)
        picture = tuple(
            torch.from_numpy(drawn.passes[name]) for name in ("color", "depth", "alpha")
        )
        ctx.drawn, ctx.threads = drawn, options.threads
        return picture

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        color, depth, alpha = (_array(gradient) for gradient in upstream)
        with ThreadPoolExecutor(thread_count(ctx.threads)) as pool:
            gradients = _follow_back(ctx.drawn, color, depth, alpha, pool)
        return (*(torch.from_numpy(gradient) for gradient in gradients), None, None)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A picture with all that its gradient needs."""

    arrays: list[np.ndarray]  # means, scales, rotations, opacities, colors
    frame: Frame
    passes: dict[str, np.ndarray]  # color, depth, alpha


def _draw(
    arrays: list[np.ndarray], view: View, options: RenderOptions, pool: ThreadPoolExecutor
) -> _Drawn:
    means, scales, rotations, opacities, colors = arrays
    count = len(means)
    blocks = np.empty((-(-count // kernels.LANES), kernels.PLANES, kernels.LANES), np.float32)
    ready = Prepared(blocks, np.empty((count, 3), np.float32), _unbounded(count))
    given = [means, scales, rotations, opacities, colors, np.ones(count, np.float32)]
    run(
        pool,
        lambda p: kernels.prepare(p.start, p.stop, given, blocks, ready.normals),
        split(len(blocks), PIECES),
        None,
    )
    frame = project(ready, view, options, pool, None)
    unused = dict.fromkeys(("normals", "positions", "confidence", "region", "origin"))
    picture = blend(frame, kernels.Scene(colors=colors, **unused), True, pool, None)
    return _Drawn(
        arrays, frame, {name: getattr(picture, name) for name in ("color", "depth", "alpha")}
    )


def _unbounded(count: int) -> Bounds:
    """Bounds that nothing culls: to measure those of splats that move at every step costs more than it saves."""
    chunks = -(-count // kernels.CHUNK_SPLATS)
    return Bounds(np.zeros((chunks, 3)), np.full(chunks, np.inf), np.zeros(chunks))


def _follow_back(
    drawn: _Drawn, color: np.ndarray, depth: np.ndarray, alpha: np.ndarray, pool: ThreadPoolExecutor
) -> list[np.ndarray]:
    """Gradients of means, scales, rotations, opacities and colours from those of the passes."""
    frame, arrays = drawn.frame, drawn.arrays
    upstream = backward.Upstream(
        **drawn.passes, color_gradient=color, depth_gradient=depth, alpha_gradient=alpha
    )
    sums = np.zeros((len(frame.records), backward.SUMS), np.float32)
    starts = frame.starts
    for band in bands_of(starts):
        _gather_band(frame, band, starts, arrays[-1], upstream, sums, pool)
    gradients = [np.zeros_like(array) for array in arrays]
    names = ("means", "scales", "rotations", "opacities", "colors")
    given = backward.Parameters(**dict(zip(names[:4], arrays, strict=False)))
    wanted = backward.Gradients(**dict(zip(names, gradients, strict=True)))

    def work(i: int) -> None:
        backward.project(
            frame.records,
            frame.pieces[i].start * kernels.CHUNK_SPLATS,
            frame.visible[i],
            sums,
            given,
            frame.camera,
            wanted,
        )

    run(pool, work, range(len(frame.pieces)), None)
    return gradients


def _gather_band(
    frame: Frame,
    band: range,
    starts: np.ndarray,
    colors: np.ndarray,
    upstream: backward.Upstream,
    sums: np.ndarray,
    pool: ThreadPoolExecutor,
) -> None:
    """Retrace a band of tiles and add what its entries gather to their records' sums."""
    base = starts[band.start]
    entries = scatter(frame, band, starts, pool, None)
    buffers = entries, np.empty_like(entries), np.empty(len(entries), np.uint32)
    slots = np.empty((len(entries), backward.SUMS), np.float32)

    def retrace(part: range) -> None:
        backward.retrace(
            part, starts, base, buffers, frame.records, colors, upstream, frame.camera, slots
        )

    parts = split(len(band), -(-len(band) // TILES_PER_PIECE))
    run(pool, retrace, [range(band.start + p.start, band.start + p.stop) for p in parts], None)
    before = np.cumsum(frame.counts, axis=0, dtype=np.int64) - frame.counts
    cursors = before + (starts[:-1] - base)

    def gather(i: int) -> None:
        first = frame.pieces[i].start * kernels.CHUNK_SPLATS
        backward.gather(
            frame.records, first, frame.visible[i], frame.camera, band, cursors[i], slots, sums
        )

    run(pool, gather, range(len(frame.pieces)), None)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


_TAILS = {"means": (3,), "scales": (3,), "rotations": (4,), "opacities": (), "colors": (3,)}


def _check(parameters: tuple[torch.Tensor, ...], view: View) -> None:
    count, device = len(parameters[0]), parameters[0].device
    for tensor, (name, tail) in zip(parameters, _TAILS.items(), strict=True):
        if (
            tuple(tensor.shape) != (count, *tail)
            or tensor.dtype != torch.float32
            or tensor.device != device
        ):
            raise ArgumentError(
                f"Splats to fit need {name} of shape {(count, *tail)}, float32, on {device}, "
                f"not {tuple(tensor.shape)}, {tensor.dtype}, on {tensor.device}."
            )
    if max(view.width, view.height) > MAX_SIZE:
        raise ArgumentError(
            f"A picture of {view.width}x{view.height} cannot be made; use 1 to {MAX_SIZE} pixels a side."
        )
