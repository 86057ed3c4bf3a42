"""An order of splats in which neighbours in the list are neighbours in the world, of one size."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...geometry import quaternion_to_matrix
from ...progress import Progress
from ...splats.record import Splats
from ..parallel import run, split, thread_count
from .record import FANOUT, group_count

# Bits of each axis in a Morton code: 3 x 19, and 6 of the size class, fill 63.
CELL_BITS = 19
# Added to a size class, which must not be negative: classes reach from 4^-24 to 4^39 metres.
SIZE_OFFSET = 24
# The last size class that 6 bits hold.
_LAST_CLASS = 63
# Splats that are sorted as one k-d tree: four levels' groups, 4 x 4 x 4 x 4; 0.1 dB better than 64
# on photos.
BLOCK = 256
# Blocks of one piece of work: its arrays stay in the cache, and a cancel is seen soon.
PIECE = 128
# Metres, a hundred times the far plane; beyond it float32 cannot hold the fourth power of a size.
FARTHEST = 1e12
# Of a splat's variance, in each direction: a thin splat's thickness is no measure of distance.
LEAST_WIDTH = 0.01
# Square metres, the least product of two scales: a line has a size class too.
_LEAST_SIZE = 1e-30
# The square of a quaternion's length lies between these where the kernels draw the splat.
_LEAST_ROTATION = 1e-24
_LARGEST_ROTATION = 1e24
# The least opacity that is drawn; the kernels' NOTHING_ALPHA.
_LEAST_OPACITY = np.float32(1 / 255)
_CELL_MASK = (1 << CELL_BITS) - 1
# A table spreads this many bits of a cell at a time.
_HALF_BITS = 10
_HALF_MASK = (1 << _HALF_BITS) - 1
# Cells from the origin, on each axis; floats beyond 2^52 are farther apart than one cell.
_FARTHEST_CELL = 2.0**52


def drawable(splats: Splats) -> np.ndarray:
    """Tell which splats can be drawn.

    Returns:
        (N,) bool: those that the kernels' `prepare` does not cull and that are no farther and no
        larger than FARTHEST.
    """
    squared_length = np.einsum("nk,nk->n", splats.rotations, splats.rotations, dtype=np.float64)
    conditions = [
        (np.abs(splats.positions) <= FARTHEST).all(axis=1),
        (np.abs(splats.scales) <= FARTHEST).all(axis=1),
        (splats.scales >= 0).all(axis=1),
        splats.scales.sum(axis=1) > 0,
        np.isfinite(splats.colors).all(axis=1),
        np.isfinite(splats.confidence),
        np.isfinite(splats.opacities),
        splats.opacities >= _LEAST_OPACITY,
        squared_length > _LEAST_ROTATION,
        squared_length < _LARGEST_ROTATION,
    ]
    return np.logical_and.reduce(conditions)


def coherent_order(
    splats: Splats, threads: int | None = None, progress: Progress | None = None
) -> np.ndarray:
    """Order the splats that can be drawn: by size class, then by cell, then as a small k-d tree.

    A scene mixes layers of different fineness, small splats before wide ones; merged together they
    would blur, so size comes first. A class spans a factor of 4 and its cells measure as much as
    its smallest splat, so that near and far parts of a photo are cut equally fine. Cells follow
    Morton's curve. Its codes wrap around far away, where few splats of one size are.

    Returns:
        (D,) int64, rows of `splats`.

    Raises:
        Cancelled: through `progress`.
    """
    rows = np.flatnonzero(drawable(splats))
    codes = _codes(splats.positions[rows], splats.scales[rows])
    by_code = np.argsort(codes, kind="stable")
    rows = rows[by_code]

    # Sort within blocks of neighbours; those that fill no block stay as they are.
    whole_blocks = len(rows) // BLOCK
    in_blocks = whole_blocks * BLOCK
    blocks = rows[:in_blocks].reshape(-1, BLOCK)
    rest = rows[in_blocks:]

    def sort_piece(part: range) -> np.ndarray:
        return _as_trees(blocks[part.start : part.stop], splats)

    piece_count = group_count(whole_blocks, PIECE)
    pieces = split(whole_blocks, piece_count) if whole_blocks else []
    with ThreadPoolExecutor(thread_count(threads)) as pool:
        sorted_rows = run(pool, sort_piece, pieces, progress)
    return np.concatenate([*sorted_rows, rest])


def _codes(positions: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Encode the size class, and below it the interleaved bits of the cell, (N,) int64."""
    # A splat's size is that of its two longest axes: a disc's thickness does not count.
    _, middle, longest = np.sort(scales, axis=1).T
    area = np.maximum(middle * longest, _LEAST_SIZE)
    size = np.sqrt(area, dtype=np.float32)
    _, exponent = np.frexp(size)
    half_exponent = exponent // 2  # of 4: a class spans a factor of 4
    size_class = np.clip(half_exponent + SIZE_OFFSET, 0, _LAST_CLASS)

    cell_width = np.ldexp(1.0, 2 * half_exponent)
    cells = np.floor(positions / cell_width[:, None])
    cells = np.clip(cells, -_FARTHEST_CELL, _FARTHEST_CELL)
    cells = cells.astype(np.int64) & _CELL_MASK

    codes = size_class.astype(np.int64) << (3 * CELL_BITS)
    for axis in range(3):
        cell = cells[:, axis]
        low_bits = _SPREAD[cell & _HALF_MASK]
        high_bits = _SPREAD[cell >> _HALF_BITS]
        bits = low_bits | high_bits << (3 * _HALF_BITS)
        codes |= bits << axis
    return codes


def _spread_bits() -> np.ndarray:
    """Put two zeros between the bits of each number below 1024, (1024,) int64."""
    numbers = np.arange(1 << _HALF_BITS, dtype=np.int64)
    spread = np.zeros_like(numbers)
    for bit in range(_HALF_BITS):
        is_set = numbers >> bit & 1
        spread |= is_set << (3 * bit)
    return spread


_SPREAD = _spread_bits()


def _as_trees(blocks: np.ndarray, splats: Splats) -> np.ndarray:
    """Sort each block of rows (B, BLOCK) as a k-d tree; return the rows as one list.

    A block is halved across its widest axis, and the halves again, down to fours. Width counts in
    the splats' own sizes: on slanting ground, where they are long along the view and their rows are
    as far apart, four pixels of a square become one splat, not four of a row.
    """
    points = _in_own_sizes(splats, blocks).reshape(3, -1)
    order = np.arange(blocks.size)
    size = BLOCK  # points of a node of the tree
    while size > FANOUT:
        # Sorting a node along its widest axis puts each half into the place of a node below it.
        nodes = points.reshape(3, -1, size)
        widths = nodes.max(axis=2) - nodes.min(axis=2)
        widest_axis = widths.argmax(axis=0)
        every_node = np.arange(nodes.shape[1])
        along_widest = nodes[widest_axis, every_node]  # [nodes, size]
        within_node = np.argsort(along_widest, axis=1, kind="stable")
        node_starts = np.arange(0, blocks.size, size)
        step = within_node + node_starts[:, None]
        step = step.ravel()
        points = points[:, step]
        order = order[step]
        size //= 2
    return blocks.ravel()[order]


def _in_own_sizes(splats: Splats, blocks: np.ndarray) -> np.ndarray:
    """Measure positions in the block's mean standard deviations along its mean axes.

    Args:
        splats: the scene.
        blocks: rows (B, K).

    Returns:
        (3, B, K), without unit.
    """
    positions = splats.positions[blocks]
    positions = positions - positions[:, :1]

    # The sum of the covariances of a block, as the product of a wide matrix and its transpose.
    axes = quaternion_to_matrix(splats.rotations[blocks])
    scales = splats.scales[blocks]
    factors = axes * scales[:, :, None, :]  # [B, K, 3, 3]
    factors = np.ascontiguousarray(factors.transpose(0, 2, 1, 3))
    factors = factors.reshape(len(blocks), 3, -1)
    covariances = factors @ factors.transpose(0, 2, 1)
    covariances = covariances.astype(np.float64)

    # Only its shape counts.
    trace = np.trace(covariances, axis1=1, axis2=2)
    trace = np.maximum(trace, np.finfo(np.float64).tiny)
    covariances = covariances / trace[:, None, None]
    covariances = covariances + LEAST_WIDTH * np.eye(3)

    root = np.linalg.cholesky(covariances)
    whitening = np.linalg.inv(root).astype(np.float32)
    whitened = whitening @ positions.transpose(0, 2, 1)  # [B, 3, K]
    return np.ascontiguousarray(whitened.transpose(1, 0, 2))
