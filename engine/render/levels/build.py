"""Building the levels: order the splats once, then merge by fours until one chunk is left."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields

import numpy as np

from ...kernels import rasterise
from ...kernels.constants import NOTHING_ALPHA
from ...progress import Progress
from ...splats.record import Splats
from ..parallel import run, split, thread_count
from .merge import DIAGONAL, Moments, area, cholesky, merge, moments_of
from .order import coherent_order
from .record import FANOUT, Levels, group_count, level_sizes

STAGE = "Levels of detail"
# Merged splats of one piece of work: its arrays stay in the cache, and a cancel is seen soon.
PIECE = 8192
# Groups that are neighbours in the order; their median width says which of them is torn.
BLOCK = 64
# Times that median: a group that is wider spans a gap, not a surface.
TORN = 6.0
# Standard deviation of colour. Even among splats of one colour the place of a merged one shows, by
# its outline, as much as with this contrast.
CONTRAST_FLOOR = 0.06
# The least alpha that is drawn; the kernels' NOTHING_ALPHA.
_LEAST_OPACITY = np.float32(NOTHING_ALPHA)
# A culled splat's opacity is held above this, only to keep its logarithm finite.
_TINY_OPACITY = 1e-6
# Radii grow by this share, lest rounding leaves a splat outside its sphere.
_ROUNDING = 1e-6
# The planes of a prepared block that hold the Cholesky factor l00 l10 l20 l11 l21 l22: rows of a
# 3 x 3 matrix that begins at plane 3 (`rasterise.h`).
_FACTOR_PLANES = [3, 6, 9, 7, 10, 11]


def build_levels(
    splats: Splats, progress: Progress | None = None, threads: int | None = None
) -> Levels:
    """Build all levels of a scene, for drawing while the camera moves.

    Args:
        splats: the scene. Those that cannot be drawn are left out.
        progress: reported to and asked between the pieces.
        threads: None: all cores.

    Raises:
        Cancelled: through `progress`.
    """
    progress = progress or Progress()
    progress(0.0, STAGE)
    order = coherent_order(splats, threads, progress)

    progress(0.3, STAGE)
    with ThreadPoolExecutor(thread_count(threads)) as pool:
        levels = list(_merged_levels(splats, order, pool, progress))

    progress(0.9, STAGE)
    packed = _packed(len(splats), len(order), levels)
    progress(1.0, STAGE)
    return packed


def _merged_levels(
    splats: Splats,
    order: np.ndarray,
    pool: ThreadPoolExecutor,
    progress: Progress,
) -> Iterator[Moments]:
    """Merge level after level; give the splats of each, finest first."""
    finer: Moments | None = None  # the level before; the finest level is merged from the scene
    for size in level_sizes(len(order)):

        def merge_piece(part: range, finer: Moments | None = finer) -> Moments:
            members = slice(part.start * FANOUT, part.stop * FANOUT)
            if finer is None:
                moments = moments_of(splats, order[members])
            else:
                moments = finer.map(lambda array: array[members])
            groups = in_fours(moments)
            return merge(without_torn(groups))

        pieces = split(size, group_count(size, PIECE))
        finer = _joined(run(pool, merge_piece, pieces, progress))
        yield finer


def _joined(parts: list[Moments]) -> Moments:
    """Join the rows of parts, in order."""
    joined = {}
    for field in fields(Moments):
        arrays = [getattr(part, field.name) for part in parts]
        joined[field.name] = np.concatenate(arrays)
    return Moments(**joined)


def in_fours(members: Moments) -> Moments:
    """Group rows by fours: (N, ...) become (ceil(N / 4), 4, ...).

    The last group is filled up with copies that have no opacity.
    """
    count = len(members.opacities)
    groups = group_count(count, FANOUT)
    missing = groups * FANOUT - count

    def fill(array: np.ndarray) -> np.ndarray:
        copies = np.repeat(array[-1:], missing, axis=0) if missing else array[:0]
        filled = np.concatenate([array, copies])
        return filled.reshape(groups, FANOUT, *array.shape[1:])

    grouped = members.map(fill)
    if missing:
        grouped.opacities[-1, FANOUT - missing :] = 0
    return grouped


def without_torn(groups: Moments) -> Moments:
    """Take from groups (G, 4) that span a gap the members beyond it; their opacity becomes 0.

    A group is torn where it is TORN times as wide as the groups around it and as its splats
    themselves: it reaches over a depth edge or a step of the order. Bridging it would draw a splat
    in empty space.
    """
    # Distances are taken from the heaviest member: it stays in any case.
    weights = groups.opacities * area(groups.covariances)
    heaviest = weights.argmax(axis=1)
    anchor = np.take_along_axis(groups.means, heaviest[:, None, None], axis=1)
    offsets = groups.means - anchor  # [G, 4, 3], metres
    distance = np.linalg.norm(offsets, axis=2)
    distance = distance * (groups.opacities > 0)

    # Compare with the median width of the block; the last, shorter block takes that of all groups.
    width = distance.max(axis=1)
    whole = len(width) // BLOCK * BLOCK
    typical_width = np.full(len(width), np.median(width), width.dtype)
    blocks = width[:whole].reshape(-1, BLOCK)
    medians = np.median(blocks, axis=1)
    typical_width[:whole] = np.repeat(medians, BLOCK)

    # Among wide splats a wide group is no gap.
    traces = groups.covariances[..., DIAGONAL].sum(axis=-1)
    splat_width = np.sqrt(traces.max(axis=1))
    limit = TORN * np.maximum(typical_width, splat_width)
    is_beyond = distance > limit[:, None]
    groups.opacities[is_beyond] = 0
    return groups


def _packed(count: int, drawn: int, levels: list[Moments]) -> Levels:
    """Lay the levels' splats out as the kernels want them.

    Each level is filled up to whole chunks with splats that are not drawn.
    """
    padded = [level.map(_filled_to_chunks) for level in levels] or [_nothing()]
    every = _joined(padded)
    is_faint = every.opacities < _LEAST_OPACITY
    is_drawn = ~is_faint.reshape(-1, rasterise.CHUNK_SPLATS)
    chunks = every.map(lambda array: array.reshape(-1, rasterise.CHUNK_SPLATS, *array.shape[1:]))
    covariances, losses = _statistics(chunks)
    return Levels(
        count=count,
        drawn=drawn,
        blocks=_blocks(every, is_faint),
        normals=every.normals,
        colors=every.colors,
        confidence=every.confidence,
        region=every.region,
        origin=every.origin,
        covariances=covariances,
        losses=losses,
        spheres=_spheres(chunks, is_drawn),
    )


def _blocks(splats: Moments, is_faint: np.ndarray) -> np.ndarray:
    """Lay out splats (M,) in the kernels' blocks, (M / 8, 13, 8) float32."""
    rows = len(splats.opacities)
    lanes = np.zeros((rows, rasterise.PLANES), np.float32)
    lanes[:, 0:3] = splats.means
    lanes[:, _FACTOR_PLANES] = cholesky(splats.covariances)
    opacities = np.maximum(splats.opacities, _TINY_OPACITY)
    log_opacity = np.log2(opacities)
    lanes[:, rasterise.LOG_OPACITY] = np.where(is_faint, rasterise.CULLED, log_opacity)
    blocks = lanes.reshape(-1, rasterise.LANES, rasterise.PLANES)
    return np.ascontiguousarray(blocks.transpose(0, 2, 1))


def _filled_to_chunks(array: np.ndarray) -> np.ndarray:
    """Append rows of zeros up to a whole number of chunks."""
    missing = -len(array) % rasterise.CHUNK_SPLATS
    zeros = np.zeros((missing, *array.shape[1:]), array.dtype)
    return np.concatenate([array, zeros])


def _nothing() -> Moments:
    """The moments of no splats."""
    number = np.zeros(0, np.float32)
    vector = np.zeros((0, 3), np.float32)
    return Moments(
        means=vector,
        covariances=np.zeros((0, 6), np.float32),
        opacities=number,
        colors=vector,
        normals=vector,
        confidence=number,
        region=np.zeros(0, np.int32),
        origin=np.zeros(0, np.uint8),
        moved=number,
        blended=number,
    )


def _statistics(chunks: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Average chunks (C, R) over their splats.

    Returns:
        The mean covariance (C, 6) float32 and the loss by merging (C,) float32 metres: the distance
        that things moved times the contrast of their colours. A wall of one colour may be merged
        for long.
    """
    covered = chunks.opacities > 0
    splat_count = np.maximum(covered.sum(axis=1), 1)
    share = covered / splat_count[:, None]
    covariances = np.einsum("cr,cri->ci", share, chunks.covariances)

    colour_variance = np.maximum(chunks.blended, 0)
    contrast = np.sqrt(colour_variance + CONTRAST_FLOOR**2)
    distance = np.sqrt(np.maximum(chunks.moved, 0))
    losses = np.einsum("cr,cr->c", share, distance * contrast)
    return covariances.astype(np.float32), losses.astype(np.float32)


def _spheres(chunks: Moments, is_drawn: np.ndarray) -> np.ndarray:
    """Bound the splats of each chunk that are drawn.

    Args:
        chunks: (C, R).
        is_drawn: (C, R) bool.

    Returns:
        (C, 5) float32: centre, radius around the centres of the splats, largest standard deviation.
        A chunk without a drawn splat has radius -1.
    """
    means = chunks.means.astype(float)
    is_filled = np.logical_or.reduce(is_drawn, axis=1)

    # The centre is that of the box around the splats; halves are added, lest the sum overflows.
    low = _least(chunks.means, is_drawn)
    high = -_least(-chunks.means, is_drawn)
    half_low = np.where(is_filled[:, None], low, 0) / 2
    half_high = np.where(is_filled[:, None], high, 0) / 2
    centres = half_low + half_high
    centres = centres.astype(np.float32)

    offsets = means - centres[:, None]
    distance = np.linalg.norm(offsets, axis=2)
    distance = np.where(is_drawn, distance, 0)
    radii = distance.max(axis=1) * (1 + _ROUNDING)
    radii = np.where(is_filled, radii, -1)

    # The root of a covariance's Frobenius norm is at least its largest standard deviation, and
    # needs no eigenvalues. Entries off the diagonal stand twice in the matrix.
    times_in_matrix = np.array([1, 2, 2, 1, 2, 1])
    squares = np.square(chunks.covariances.astype(float))
    frobenius = np.sqrt(squares @ times_in_matrix)
    deviations = np.sqrt(frobenius)
    deviations = np.where(is_drawn, deviations, 0).max(axis=1)
    spheres = np.column_stack([centres, radii, deviations])
    return spheres.astype(np.float32)


def _least(points: np.ndarray, is_drawn: np.ndarray) -> np.ndarray:
    """Take the least coordinates of the drawn points (C, R, 3) of each chunk, (C, 3)."""
    return np.where(is_drawn[..., None], points, np.inf).min(axis=1)
