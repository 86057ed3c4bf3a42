"""The `Levels` record: a scene's splats again, merged four to one, four to one, until few are left."""

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from ...kernels import rasterise
from ..culling import Bounds
from ..prepared import Prepared

FANOUT = 4  # splats that become one, and with that chunks that become one


def level_sizes(drawn: int) -> list[int]:
    """How many splats each level has, finest first, where the scene has `drawn` that can be drawn."""
    sizes = [-(-drawn // FANOUT)] if drawn else []
    while sizes and sizes[-1] > rasterise.CHUNK_SPLATS:
        sizes.append(-(-sizes[-1] // FANOUT))
    return sizes


def chunk_starts(drawn: int) -> list[int]:
    """The first chunk of each level, and after the last level the number of chunks."""
    starts = [0]
    for size in level_sizes(drawn):
        starts.append(starts[-1] + -(-size // rasterise.CHUNK_SPLATS))
    return starts


@dataclass(frozen=True, eq=False)
class Levels:
    """Every level's splats, finest first, each level filled up to whole chunks of R = `rasterise.CHUNK_SPLATS` rows.

    Row i of a level stands for the rows 4 i .. 4 i + 3 of the one before it, and so chunk for chunk: one tree whose
    root is the last chunk. The finest stands for the scene's own splats in the order of `build.coherent_order`.
    Positions in metres, world; C chunks, M = C R rows.
    """

    count: int  # splats of the scene these belong to
    drawn: int  # of those the ones that can be drawn
    blocks: (
        np.ndarray
    )  # (M / 8, 13, 8) float32 as the kernels want them; the shape is a Cholesky factor
    normals: np.ndarray  # (M, 3) float32
    colors: np.ndarray  # (M, 3) float32
    confidence: np.ndarray  # (M,) float32
    region: np.ndarray  # (M,) int32, the heaviest member's
    origin: np.ndarray  # (M,) uint8, the heaviest member's
    covariances: np.ndarray  # (C, 6) float32, m^2, mean of each chunk's: xx xy xz yy yz zz
    losses: (
        np.ndarray
    )  # (C,) float32, metres: how far merging moved things, weighed by how much it shows
    spheres: (
        np.ndarray
    )  # (C, 5) float32: centre, radius, largest standard deviation, as `culling.Bounds`

    prepared: Prepared = field(init=False)  # the same blocks and normals for `frame.project`
    scene: rasterise.Scene = field(init=False)  # and what is blended

    def __post_init__(self) -> None:
        """Lay out for the kernels what the arrays hold."""
        positions = np.ascontiguousarray(self.blocks[:, :3].transpose(0, 2, 1)).reshape(-1, 3)
        bounds = Bounds(
            *(np.ascontiguousarray(self.spheres[:, part], float) for part in (slice(3), 3, 4))
        )
        scene = rasterise.Scene(
            colors=self.colors,
            normals=self.normals,
            positions=positions,
            confidence=self.confidence,
            region=self.region,
            origin=self.origin,
        )
        object.__setattr__(self, "prepared", Prepared(self.blocks, self.normals, bounds))
        object.__setattr__(self, "scene", scene)

    @property
    def arrays(self) -> list[np.ndarray]:
        """What is stored, in the order of the fields."""
        return [value for value in vars(self).values() if isinstance(value, np.ndarray)]

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return (
            sum(array.nbytes for array in self.arrays) + self.normals.nbytes
        )  # and as much again for the positions

    @property
    def ranges(self) -> list[range]:
        """The chunks of each level, finest first."""
        return [range(a, b) for a, b in pairwise(chunk_starts(self.drawn))]

    @cached_property
    def rows(self) -> np.ndarray:
        """(C,) int64, how many splats each chunk holds."""
        sizes = zip(level_sizes(self.drawn), self.ranges, strict=True)
        parts = [
            np.clip(
                size - rasterise.CHUNK_SPLATS * np.arange(len(chunks)), 0, rasterise.CHUNK_SPLATS
            )
            for size, chunks in sizes
        ]
        return np.concatenate([np.zeros(0, np.int64), *parts])
