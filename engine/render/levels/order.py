"""An order of splats in which neighbours in the list are neighbours in the world, and of one size."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...geometry import quaternion_to_matrix
from ...kernels.constants import LEAST_ROTATION, LARGEST_ROTATION, NOTHING_ALPHA
from ...progress import Progress
from ...splats.record import Splats
from ..parallel import run, split, thread_count
from .record import FANOUT

CELL_BITS = 19  # of each axis in a Morton code: 3 x 19 and 6 of size fill 63
SIZE_OFFSET = 24  # size classes reach from 4^-24 to 4^39 metres
BLOCK = 256  # splats that are sorted as a k-d tree: four levels' groups, 4 x 4 x 4 x 4; 0.1 dB better than 64 on photos
PIECE = 128  # blocks at a time: what stays in the cache, and a cancel is seen soon
FARTHEST = 1e12  # metres: a hundred times the far plane; of what is beyond, float32 cannot hold the squares' squares
LEAST_WIDTH = 0.01  # of a splat's variance, in each direction: a thin splat's normal is no measure of distance
_HALF_BITS = 10
_FAR = 2.0**52  # cells from the origin; a float beyond holds no single cells


def drawable(splats: Splats) -> np.ndarray:
    """(N,) bool: what the kernels' `prepare` does not cull and is no farther or larger than FARTHEST."""
    finite = [
        (np.abs(getattr(splats, name)) <= FARTHEST).all(axis=1) for name in ("positions", "scales")
    ]
    finite += [
        np.isfinite(splats.colors).all(axis=1),
        np.isfinite(splats.confidence),
        splats.opacities >= np.float32(NOTHING_ALPHA),
        np.isfinite(splats.opacities),
    ]
    square = np.einsum("nk,nk->n", splats.rotations, splats.rotations, dtype=np.float64)
    finite += [
        (square > LEAST_ROTATION) & (square < LARGEST_ROTATION),
        (splats.scales >= 0).all(axis=1),
        splats.scales.sum(axis=1) > 0,
    ]
    return np.logical_and.reduce(finite)


def coherent_order(
    splats: Splats, threads: int | None = None, progress: Progress | None = None
) -> np.ndarray:
    """(D,) int64: the rows that can be drawn, by size class, then along Morton's curve, then as a small k-d tree.

    A scene mixes layers of different fineness, small splats before wide ones; merged together they would blur, so size
    comes first. A class spans a factor of 4 and its cells measure as much as its smallest splat, so that near and far
    parts of a photo are cut equally fine. Morton's codes wrap around far away, where few splats of one size are.

    Raises:
        Cancelled: through `progress`.
    """
    rows = np.flatnonzero(drawable(splats))
    rows = rows[np.argsort(_codes(splats.positions[rows], splats.scales[rows]), kind="stable")]
    whole = len(rows) // BLOCK
    with ThreadPoolExecutor(thread_count(threads)) as pool:
        blocks = rows[: whole * BLOCK].reshape(-1, BLOCK)
        pieces = split(whole, -(-whole // PIECE)) if whole else []
        sorted_ones = run(
            pool, lambda part: _as_trees(blocks[part.start : part.stop], splats), pieces, progress
        )
    return np.concatenate([*sorted_ones, rows[whole * BLOCK :]])


def _codes(positions: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """(N,) int64: size class, then the interleaved bits of the cell."""
    ordered = np.sort(scales, axis=1)
    size = np.sqrt(np.maximum(ordered[:, 1] * ordered[:, 2], 1e-30), dtype=np.float32)
    _, exponent = np.frexp(size)
    kind = np.clip(exponent // 2 + SIZE_OFFSET, 0, 63).astype(np.int64)
    cells = np.floor(positions / np.ldexp(1.0, 2 * (exponent // 2))[:, None])
    cells = np.clip(cells, -_FAR, _FAR).astype(np.int64) & ((1 << CELL_BITS) - 1)
    codes = kind << (3 * CELL_BITS)
    for axis in range(3):
        low, high = cells[:, axis] & ((1 << _HALF_BITS) - 1), cells[:, axis] >> _HALF_BITS
        codes |= (_SPREAD[low] | _SPREAD[high] << (3 * _HALF_BITS)) << axis
    return codes


def _spread_bits() -> np.ndarray:
    """(1024,) int64: each number with two zeros between its bits."""
    numbers = np.arange(1 << _HALF_BITS, dtype=np.int64)
    return np.bitwise_or.reduce([(numbers >> bit & 1) << (3 * bit) for bit in range(_HALF_BITS)])


_SPREAD = _spread_bits()


def _as_trees(blocks: np.ndarray, splats: Splats) -> np.ndarray:
    """The rows (B, BLOCK) as one list, each block halved across its widest axis, and the halves again, down to fours.

    Width counts in the splats' own sizes: on slanting ground, where they are long along the view and their rows are as far
    apart, four pixels of a square become one splat, not four of a row.
    """
    points = _in_own_sizes(splats, blocks).reshape(3, -1)
    order, size = np.arange(blocks.size), BLOCK
    while size > FANOUT:
        nodes = points.reshape(3, -1, size)
        axis = (nodes.max(axis=2) - nodes.min(axis=2)).argmax(axis=0)
        within = np.argsort(nodes[axis, np.arange(nodes.shape[1])], axis=1, kind="stable")
        step = (within + np.arange(0, blocks.size, size)[:, None]).ravel()
        points, order = points[:, step], order[step]
        size //= 2
    return blocks.ravel()[order]


def _in_own_sizes(splats: Splats, blocks: np.ndarray) -> np.ndarray:
    """(3, B, K) positions of the rows (B, K), each block's in its splats' mean standard deviations along their mean axes."""
    positions = splats.positions[blocks]
    positions = positions - positions[:, :1]
    axes = quaternion_to_matrix(splats.rotations[blocks]) * splats.scales[blocks][:, :, None, :]
    axes = np.ascontiguousarray(axes.transpose(0, 2, 1, 3)).reshape(len(blocks), 3, -1)
    covariances = (axes @ axes.transpose(0, 2, 1)).astype(np.float64)
    trace = np.maximum(np.trace(covariances, axis1=1, axis2=2), np.finfo(np.float64).tiny)[
        :, None, None
    ]
    covariances = covariances / trace + LEAST_WIDTH * np.eye(3)
    whiten = np.linalg.inv(np.linalg.cholesky(covariances)).astype(np.float32)
    return np.ascontiguousarray((whiten @ positions.transpose(0, 2, 1)).transpose(1, 0, 2))
