"""Building the levels: order the splats once, then merge four by four until one chunk is left."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...kernels import rasterise
from ...kernels.constants import NOTHING_ALPHA
from ...progress import Progress
from ...splats.record import Splats
from ..parallel import run, split, thread_count
from .merge import Moments, area, cholesky, merge, moments_of
from .order import coherent_order
from .record import FANOUT, Levels, level_sizes

STAGE = "Levels of detail"
PIECE = 8192  # merged splats at a time: their arrays stay in the cache, and a cancel is seen soon
BLOCK = 64  # groups whose median size says which of them is torn
TORN = 6.0  # times that median: such a group spans a gap, not a surface
CONTRAST_FLOOR = 0.06  # standard deviation of colour below which a merged splat's place still shows, by its outline


def build_levels(
    splats: Splats, progress: Progress | None = None, threads: int | None = None
) -> Levels:
    """All levels of a scene; for drawing while the camera moves.

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
        levels = list(_levels(splats, order, pool, progress))
    progress(0.9, STAGE)
    built = _packed(len(splats), len(order), levels)
    progress(1.0, STAGE)
    return built


def _levels(
    splats: Splats, order: np.ndarray, pool: ThreadPoolExecutor, progress: Progress
) -> Iterator[Moments]:
    """Each level's splats, finest first."""
    finer: Moments | None = None
    for size in level_sizes(len(order)):

        def work(part: range, finer: Moments | None = finer) -> Moments:
            members = slice(part.start * FANOUT, part.stop * FANOUT)
            found = (
                moments_of(splats, order[members])
                if finer is None
                else finer.map(lambda array: array[members])
            )
            return merge(without_torn(in_fours(found)))

        parts = run(pool, work, split(size, -(-size // PIECE)), progress)
        finer = Moments(
            *(
                np.concatenate(arrays)
                for arrays in zip(*(vars(part).values() for part in parts), strict=True)
            )
        )
        yield finer


def in_fours(members: Moments) -> Moments:
    """Rows (N, ...) as groups (ceil(N / 4), 4, ...), the last filled up with copies of no opacity."""
    count = len(members.opacities)
    groups = -(-count // FANOUT)
    lacking = groups * FANOUT - count

    def fill(array: np.ndarray) -> np.ndarray:
        tail = np.repeat(array[-1:], lacking, axis=0) if lacking else array[:0]
        return np.concatenate([array, tail]).reshape(groups, FANOUT, *array.shape[1:])

    grouped = members.map(fill)
    if lacking:
        grouped.opacities[-1, FANOUT - lacking :] = 0
    return grouped


def without_torn(groups: Moments) -> Moments:
    """The groups (G, 4), those that span a gap without the members beyond it.

    A group is torn where it is TORN times as wide as the groups around it and as its splats themselves: it reaches over
    a depth edge or a step of the order. Bridging it would draw a splat where nothing is.
    """
    heaviest = (groups.opacities * area(groups.covariances)).argmax(axis=1)
    there = np.take_along_axis(groups.means, heaviest[:, None, None], axis=1)
    away = np.linalg.norm(groups.means - there, axis=2) * (groups.opacities > 0)
    width = away.max(axis=1)
    whole = len(width) // BLOCK * BLOCK
    around = np.full(len(width), np.median(width), width.dtype)
    around[:whole] = np.repeat(np.median(width[:whole].reshape(-1, BLOCK), axis=1), BLOCK)
    own = np.sqrt(groups.covariances[..., [0, 3, 5]].sum(axis=-1).max(axis=1))
    beyond = away > TORN * np.maximum(around, own)[:, None]
    groups.opacities[beyond] = 0
    return groups


def _packed(count: int, drawn: int, levels: list[Moments]) -> Levels:
    """The levels' splats as the kernels want them, each level filled up to whole chunks with splats that are not drawn."""
    padded = [level.map(_whole_chunks) for level in levels] or [_nothing()]
    every = Moments(
        *(
            np.concatenate(arrays)
            for arrays in zip(*(vars(level).values() for level in padded), strict=True)
        )
    )
    rows = len(every.opacities)
    lanes = np.zeros((rows, rasterise.PLANES), np.float32)
    lanes[:, 0:3] = every.means
    lanes[:, [3, 6, 9, 7, 10, 11]] = cholesky(every.covariances)
    faint = every.opacities < np.float32(NOTHING_ALPHA)
    lanes[:, rasterise.LOG_OPACITY] = np.where(
        faint, rasterise.CULLED, np.log2(np.maximum(every.opacities, 1e-6))
    )
    blocks = np.ascontiguousarray(
        lanes.reshape(-1, rasterise.LANES, rasterise.PLANES).transpose(0, 2, 1)
    )
    chunked = every.map(lambda array: array.reshape(-1, rasterise.CHUNK_SPLATS, *array.shape[1:]))
    return Levels(
        count,
        drawn,
        blocks,
        every.normals,
        every.colors,
        every.confidence,
        every.region,
        every.origin,
        *_statistics(chunked),
        _spheres(chunked, ~faint.reshape(-1, rasterise.CHUNK_SPLATS)),
    )


def _whole_chunks(array: np.ndarray) -> np.ndarray:
    lacking = -len(array) % rasterise.CHUNK_SPLATS
    return np.concatenate([array, np.zeros((lacking, *array.shape[1:]), array.dtype)])


def _nothing() -> Moments:
    sizes: tuple[tuple[int, ...], ...] = ((3,), (6,), (), (3,), (3,), (), (), (), (), ())
    kinds = [np.float32] * 6 + [np.int32, np.uint8] + [np.float32] * 2
    return Moments(*(np.zeros((0, *size), kind) for size, kind in zip(sizes, kinds, strict=True)))


def _statistics(chunks: Moments) -> tuple[np.ndarray, np.ndarray]:
    """Of chunks (C, R): the mean covariance (C, 6) float32, and what merging lost (C,) float32 metres.

    The loss is how far things moved, times how much their colours differed: a wall of one colour may be merged for long.
    """
    there = chunks.opacities > 0
    share = there / np.maximum(there.sum(axis=1), 1)[:, None]
    covariances = np.einsum("cr,cri->ci", share, chunks.covariances)
    contrast = np.sqrt(np.maximum(chunks.blended, 0) + CONTRAST_FLOOR**2)
    losses = np.einsum("cr,cr->c", share, np.sqrt(np.maximum(chunks.moved, 0)) * contrast)
    return covariances.astype(np.float32), losses.astype(np.float32)


def _spheres(chunks: Moments, drawn: np.ndarray) -> np.ndarray:
    """(C, 5) float32: centre, radius around the centres of the splats, largest standard deviation; radius -1: nothing.

    The root of a covariance's Frobenius norm is at least its largest standard deviation.
    """
    some = np.logical_or.reduce(drawn, axis=1)
    low = np.where(drawn[..., None], chunks.means, np.inf).min(axis=1)
    high = np.where(drawn[..., None], chunks.means, -np.inf).max(axis=1)
    centres = (np.where(some[:, None], low, 0) / 2 + np.where(some[:, None], high, 0) / 2).astype(
        np.float32
    )
    away = np.linalg.norm(chunks.means.astype(float) - centres[:, None], axis=2)
    radii = np.where(some, np.where(drawn, away, 0).max(axis=1) * (1 + 1e-6), -1)
    weights = np.array([1, 2, 2, 1, 2, 1])
    spreads = np.sqrt(np.sqrt(np.square(chunks.covariances.astype(float)) @ weights))
    return np.column_stack([centres, radii, np.where(drawn, spreads, 0).max(axis=1)]).astype(
        np.float32
    )
