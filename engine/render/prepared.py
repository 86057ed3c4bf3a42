"""Splats as the projection kernel wants them; made once a scene, kept as long as it lives."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from ..errors import RenderError
from ..kernels import rasterise
from ..kernels.constants import CULLED, LANES, LOG_OPACITY, PLANES
from ..progress import Progress
from ..splats.record import Splats
from ..tables.attributes import PREPARED
from .culling import Bounds, bounds_of
from .parallel import run, split

MAX_SPLATS = 2**31 - 1  # rows are 32-bit numbers in the kernels
PIECES = 16  # more than threads, so that a cancel is seen soon


@dataclass(frozen=True, eq=False)
class Prepared:
    """The part of a scene that does not depend on the camera."""

    blocks: np.ndarray  # (ceil(N / LANES), PLANES, LANES) float32; rasterise.h
    normals: np.ndarray  # (N, 3) float32, shortest axes, world, unsigned
    bounds: Bounds  # of each CHUNK_SPLATS rows


_kept: "WeakKeyDictionary[Splats, Prepared]" = WeakKeyDictionary()
_lock = threading.Lock()


def prepared(splats: Splats, pool: ThreadPoolExecutor, progress: Progress | None) -> Prepared:
    """Return the prepared form of these splats, from the cache where they were drawn before.

    A `Splats` is a record: its arrays are not to be changed in place (`with_` makes a new one).

    Raises:
        RenderError: there are more splats than can be numbered.
        Cancelled: through `progress`.
    """
    with _lock:
        known = _kept.get(splats)
    if known is not None:
        return known
    # Not under the lock: preparing takes long, and another scene need not wait for it.
    made = _prepare(splats, pool, progress)
    with _lock:
        _kept[splats] = made
    return made


def _prepare(splats: Splats, pool: ThreadPoolExecutor, progress: Progress | None) -> Prepared:
    if len(splats) > MAX_SPLATS:
        raise RenderError(
            f"{len(splats)} splats are more than can be drawn; keep at most {MAX_SPLATS}."
        )
    block_count = -(-len(splats) // LANES)
    blocks = np.empty((block_count, PLANES, LANES), np.float32)
    normals = np.empty((len(splats), 3), np.float32)
    arrays = [getattr(splats, attribute.name) for attribute in PREPARED]

    def work(part: range) -> None:
        rasterise.prepare(
            part.start,
            part.stop,
            arrays,
            blocks,
            normals,
        )

    pieces = split(block_count, PIECES)
    run(pool, work, pieces, progress)

    # The last block is filled up with rows that are no splats.
    log_opacity = blocks[:, LOG_OPACITY].reshape(-1)
    is_drawable = log_opacity[: len(splats)] > CULLED
    bounds = bounds_of(splats, is_drawable)
    return Prepared(blocks, normals, bounds)
