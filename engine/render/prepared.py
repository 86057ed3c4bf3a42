"""Splats as the projection kernel wants them; made once a scene, kept as long as the scene lives."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import RenderError
from ..kernels import rasterise
from ..progress import Progress
from ..splats.record import Splats
from ..tables.attributes import PREPARED_NAMES
from .culling import Bounds, bounds_of
from .parallel import run, split

MAX_SPLATS = 2**31 - 1  # rows are 32-bit numbers in the kernels
PIECES = 16  # more than threads, so that a cancel is seen soon


@dataclass(frozen=True, eq=False)
class Prepared:
    """What of a scene does not depend on the camera."""

    blocks: np.ndarray  # (ceil(N / 8), 13, 8) float32; rasterise.h
    normals: np.ndarray  # (N, 3) float32, shortest axes, world, unsigned
    bounds: Bounds  # of each rasterise.CHUNK_SPLATS rows


_kept: "WeakKeyDictionary[Splats, Prepared]" = WeakKeyDictionary()
_lock = threading.Lock()


def prepared(splats: Splats, pool: ThreadPoolExecutor, progress: Progress | None) -> Prepared:
    """The prepared form of these splats, from the cache where they were drawn before.

    A `Splats` is a record: its arrays are not to be changed in place (`with_` makes a new one).
    """
    with _lock:
        found = _kept.get(splats)
    if found is None:
        found = _prepare(splats, pool, progress)
        with _lock:
            _kept[splats] = found
    return found


def _prepare(splats: Splats, pool: ThreadPoolExecutor, progress: Progress | None) -> Prepared:
    if len(splats) > MAX_SPLATS:
        raise RenderError(
            f"{len(splats)} splats are more than can be drawn; keep at most {MAX_SPLATS}."
        )
    count = -(-len(splats) // rasterise.LANES)
    blocks = np.empty((count, rasterise.PLANES, rasterise.LANES), np.float32)
    normals = np.empty((len(splats), 3), np.float32)
    arrays = [getattr(splats, name) for name in PREPARED_NAMES]
    run(
        pool,
        lambda part: rasterise.prepare(part.start, part.stop, arrays, blocks, normals),
        split(count, PIECES),
        progress,
    )
    drawn = blocks[:, rasterise.LOG_OPACITY].reshape(-1)[: len(splats)] > rasterise.CULLED
    return Prepared(blocks, normals, bounds_of(splats, drawn))
