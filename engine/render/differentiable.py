"""The rasteriser under torch's autograd: pictures of splats whose gradients reach every parameter.

    parameters ─prepare─► blocks ─project─► records ─blend─► colour, depth, alpha
    gradients ◄─project─ sums ◄─gather─ slots ◄─retrace─ gradients of colour, depth, alpha

The way forward is the renderer's own (frame.py). On the CPU the kernels do both ways; on CUDA,
gsplat. This file imports torch: import it where it is used, never from the room's front door.
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

# Tiles of one piece of work: half a row of them at 1024 pixels, a millisecond of retracing.
TILES_PER_PIECE = 16
# The passes that have gradients.
PASSES = ("color", "depth", "alpha")
# The parameters that get gradients, and the shape of a row of each.
_ROW_SHAPES = {
    "means": (3,),
    "scales": (3,),
    "rotations": (4,),
    "opacities": (),
    "colors": (3,),
}

# color (H, W, 3), depth (H, W), alpha (H, W)
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

    Kerbl et al. 2023 with gsplat 1.5.3's constants, and on the CPU bit for bit the picture of
    `render`. The gradient is that of the formulas: none where an opacity is held at 0.999, where a
    pixel was finished, where the projection's Jacobian is held at the frustum's edge, and none
    through the order of drawing. Splats that cannot be drawn get gradients of 0, as do those whose
    gradient float32 cannot hold. The bits are the same whatever the number of threads.

    Args:
        means: (N, 3) metres, world.
        scales: (N, 3) standard deviations in metres along the splats' own axes.
        rotations: (N, 4) quaternions w x y z of any length, world from splat.
        opacities: (N,) 0 to 1; a value above 1 is drawn as 1.
        colors: (N, 3) sRGB-encoded.
        view: the camera.
        near: metres; nearer splats are not drawn.
        antialiased: splats smaller than a pixel keep their light (`RenderOptions.antialiased`).
        threads: of the CPU; None: one a core.

    Returns:
        color (H, W, 3) premultiplied by alpha, depth (H, W) expected planar depth in metres, inf
        where alpha is below 1/255 (a constant there), and alpha (H, W); float32, on the
        parameters' device.

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
        ctx.drawn = drawn
        ctx.threads = options.threads
        return tuple(torch.from_numpy(drawn.passes[name]) for name in PASSES)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        color, depth, alpha = (_array(gradient) for gradient in upstream)
        with ThreadPoolExecutor(thread_count(ctx.threads)) as pool:
            gradients = _follow_back(ctx.drawn, color, depth, alpha, pool)
        of_parameters = [torch.from_numpy(gradient) for gradient in gradients]
        of_view = None
        of_options = None
        return (*of_parameters, of_view, of_options)


@dataclass(frozen=True, eq=False)
class _Drawn:
    """A picture with all that its gradient needs."""

    arrays: list[np.ndarray]  # means, scales, rotations, opacities, colors
    frame: Frame
    passes: dict[str, np.ndarray]  # color, depth, alpha


def _draw(
    arrays: list[np.ndarray], view: View, options: RenderOptions, pool: ThreadPoolExecutor
) -> _Drawn:
    """Draw the splats as the renderer does, but without culling and without the extra passes."""
    means, scales, rotations, opacities, colors = arrays
    count = len(means)
    block_count = -(-count // kernels.LANES)
    blocks = np.empty((block_count, kernels.PLANES, kernels.LANES), np.float32)
    normals = np.empty((count, 3), np.float32)
    confidence = np.ones(count, np.float32)
    attributes = [means, scales, rotations, opacities, colors, confidence]

    def prepare(part: range) -> None:
        kernels.prepare(part.start, part.stop, attributes, blocks, normals)

    run(pool, prepare, split(block_count, PIECES), None)
    frame = project(Prepared(blocks, normals, _unbounded(count)), view, options, pool, None)

    unused = dict.fromkeys(("normals", "positions", "confidence", "region", "origin"))
    scene = kernels.Scene(colors=colors, **unused)
    picture = blend(frame, scene, True, pool, None)
    passes = {name: getattr(picture, name) for name in PASSES}
    return _Drawn(arrays, frame, passes)


def _unbounded(count: int) -> Bounds:
    """Make bounds that nothing culls.

    To measure those of splats that move at every step costs more than it saves.
    """
    chunks = -(-count // kernels.CHUNK_SPLATS)
    return Bounds(np.zeros((chunks, 3)), np.full(chunks, np.inf), np.zeros(chunks))


def _follow_back(
    drawn: _Drawn,
    color: np.ndarray,
    depth: np.ndarray,
    alpha: np.ndarray,
    pool: ThreadPoolExecutor,
) -> list[np.ndarray]:
    """Turn gradients of the passes into those of means, scales, rotations, opacities, colours."""
    frame = drawn.frame
    means, scales, rotations, opacities, colors = drawn.arrays
    upstream = backward.Upstream(
        **drawn.passes,
        color_gradient=color,
        depth_gradient=depth,
        alpha_gradient=alpha,
    )

    # From pixels to what they add up to in each projected splat, a band of tiles after the other.
    sums = np.zeros((len(frame.records), backward.SUMS), np.float32)
    starts = frame.starts
    for band in bands_of(starts):
        _gather_band(frame, band, starts, colors, upstream, sums, pool)

    # From projected splats to their parameters.
    gradients = {}
    for name, array in zip(_ROW_SHAPES, drawn.arrays, strict=True):
        gradients[name] = np.zeros_like(array)
    parameters = backward.Parameters(
        means=means,
        scales=scales,
        rotations=rotations,
        opacities=opacities,
    )
    wanted = backward.Gradients(**gradients)

    def project_back(piece: int) -> None:
        first_row = frame.pieces[piece].start * kernels.CHUNK_SPLATS
        backward.project(
            frame.records,
            first_row,
            frame.visible[piece],
            sums,
            parameters,
            frame.camera,
            wanted,
        )

    run(pool, project_back, range(len(frame.pieces)), None)
    return list(gradients.values())


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
    buffers = (entries, np.empty_like(entries), np.empty(len(entries), np.uint32))
    slots = np.empty((len(entries), backward.SUMS), np.float32)

    # Each entry, a splat in a tile, has a slot of its own: no two threads add to one number.
    def retrace(part: range) -> None:
        tiles = range(band.start + part.start, band.start + part.stop)
        backward.retrace(
            tiles,
            starts,
            base,
            buffers,
            frame.records,
            colors,
            upstream,
            frame.camera,
            slots,
        )

    pieces = -(-len(band) // TILES_PER_PIECE)
    run(pool, retrace, split(len(band), pieces), None)

    # Each piece of splats adds up its own slots, in the order of the tiles: the same bits always.
    entries_before = np.cumsum(frame.counts, axis=0, dtype=np.int64) - frame.counts
    cursors = entries_before + (starts[:-1] - base)

    def gather(piece: int) -> None:
        first_row = frame.pieces[piece].start * kernels.CHUNK_SPLATS
        backward.gather(
            frame.records,
            first_row,
            frame.visible[piece],
            frame.camera,
            band,
            cursors[piece],
            slots,
            sums,
        )

    run(pool, gather, range(len(frame.pieces)), None)


def _array(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().contiguous().numpy()


def _check(parameters: tuple[torch.Tensor, ...], view: View) -> None:
    count = len(parameters[0])
    device = parameters[0].device
    for tensor, (name, row_shape) in zip(parameters, _ROW_SHAPES.items(), strict=True):
        shape = (count, *row_shape)
        fits = tuple(tensor.shape) == shape and tensor.dtype == torch.float32
        if not (fits and tensor.device == device):
            raise ArgumentError(
                f"Splats to fit need {name} of shape {shape}, float32, on {device}, "
                f"not {tuple(tensor.shape)}, {tensor.dtype}, on {tensor.device}."
            )
    if max(view.width, view.height) > MAX_SIZE:
        raise ArgumentError(
            f"A picture of {view.width}x{view.height} cannot be made; "
            f"use 1 to {MAX_SIZE} pixels a side."
        )
