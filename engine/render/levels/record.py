"""The `Levels` record: a scene's splats again, merged by fours until one chunk of them is left."""

from dataclasses import dataclass, field, fields
from functools import cached_property
from itertools import pairwise

import numpy as np

from ...kernels import rasterise
from ..culling import Bounds
from ..prepared import Prepared

# Splats that become one in the next level, and with that chunks that become one.
FANOUT = 4


def group_count(count: int, size: int) -> int:
    """Count the groups of `size` that hold `count` things, the last perhaps not full."""
    return -(-count // size)


def level_sizes(drawn: int) -> list[int]:
    """Count the splats of each level, finest first.

    Args:
        drawn: splats of the scene that can be drawn.
    """
    if drawn == 0:
        return []
    sizes = [group_count(drawn, FANOUT)]
    # The coarsest level fits into one chunk.
    while sizes[-1] > rasterise.CHUNK_SPLATS:
        sizes.append(group_count(sizes[-1], FANOUT))
    return sizes


def chunk_starts(drawn: int) -> list[int]:
    """Number the first chunk of each level; the last entry is the number of all chunks."""
    starts = [0]
    for size in level_sizes(drawn):
        chunks = group_count(size, rasterise.CHUNK_SPLATS)
        starts.append(starts[-1] + chunks)
    return starts


@dataclass(frozen=True, eq=False)
class Levels:
    """Every level's splats, finest first, each level filled up to whole chunks.

    A chunk has R = `rasterise.CHUNK_SPLATS` rows. Row i of a level stands for the rows 4 i .. 4 i +
    3 of the level before it, and chunk i for the chunks 4 i .. 4 i + 3: one tree whose root is the
    last chunk. The finest level stands for the scene's own splats in the order of
    `order.coherent_order`. Positions are in metres, world. C is the number of chunks, M = C R.
    """

    count: int  # splats of the scene that these levels belong to
    drawn: int  # those of them that can be drawn
    # (M / 8, 13, 8) float32, as the kernels want them; the shape is a Cholesky factor.
    blocks: np.ndarray
    normals: np.ndarray  # (M, 3) float32
    colors: np.ndarray  # (M, 3) float32
    confidence: np.ndarray  # (M,) float32
    region: np.ndarray  # (M,) int32, the heaviest member's
    origin: np.ndarray  # (M,) uint8, the heaviest member's
    # (C, 6) float32, m^2: the mean covariance of each chunk, xx xy xz yy yz zz.
    covariances: np.ndarray
    # (C,) float32, metres: the distance that merging moved things, weighted by their contrast.
    losses: np.ndarray
    # (C, 5) float32: centre, radius and largest standard deviation, as `culling.Bounds` has them.
    spheres: np.ndarray
    prepared: Prepared = field(init=False)  # blocks and normals, for `frame.project`
    scene: rasterise.Scene = field(init=False)  # the values that are blended

    def __post_init__(self) -> None:
        """Lay out for the kernels what the arrays hold."""
        means = self.blocks[:, :3].transpose(0, 2, 1)  # [M / 8, 8, 3]
        positions = np.ascontiguousarray(means).reshape(-1, 3)
        bounds = Bounds(
            np.ascontiguousarray(self.spheres[:, :3], float),
            np.ascontiguousarray(self.spheres[:, 3], float),
            np.ascontiguousarray(self.spheres[:, 4], float),
        )
        scene = rasterise.Scene(
            colors=self.colors,
            normals=self.normals,
            positions=positions,
            confidence=self.confidence,
            region=self.region,
            origin=self.origin,
        )
        # The record is frozen, but these two follow from its other fields.
        object.__setattr__(self, "prepared", Prepared(self.blocks, self.normals, bounds))
        object.__setattr__(self, "scene", scene)

    @property
    def arrays(self) -> list[np.ndarray]:
        """The stored arrays, in the order of the fields."""
        stored = [one.name for one in fields(self) if one.type is np.ndarray]
        return [getattr(self, name) for name in stored]

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        stored = sum(array.nbytes for array in self.arrays)
        positions = self.normals.nbytes  # as many float32 as the normals
        return stored + positions

    @property
    def ranges(self) -> list[range]:
        """The chunks of each level, finest first."""
        starts = chunk_starts(self.drawn)
        return [range(first, end) for first, end in pairwise(starts)]

    @cached_property
    def rows(self) -> np.ndarray:
        """The number of splats in each chunk, (C,) int64."""
        counts = [np.zeros(0, np.int64)]
        sizes = level_sizes(self.drawn)
        for size, chunks in zip(sizes, self.ranges, strict=True):
            # Only the last chunk of a level may be filled up with rows that are not drawn.
            first_rows = rasterise.CHUNK_SPLATS * np.arange(len(chunks))
            rows_left = size - first_rows
            counts.append(np.clip(rows_left, 0, rasterise.CHUNK_SPLATS))
        return np.concatenate(counts)
