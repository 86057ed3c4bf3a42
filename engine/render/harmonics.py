"""The colours of splats with spherical harmonics, as one frame's eye sees them."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ..kernels import harmonics, rasterise
from ..progress import Progress
from ..splats.record import Splats
from .frame import Frame
from .parallel import run


def seen_colors(
    splats: Splats,
    frame: Frame,
    pool: ThreadPoolExecutor,
    progress: Progress | None,
    base: np.ndarray | None = None,
) -> np.ndarray:
    """Colours for `frame.scene_of`: `max(0, base + sum over k of sh[k] Y_k(direction))` (3DGS; Sloan 2013).

    Args:
        splats: the scene that the frame was projected from.
        frame: whose eye looks, and which splats it shows.
        pool: does the work.
        progress: asked between pieces.
        base: (N, 3) float32, C-contiguous, the constant part in place of the splats' own `colors`.

    Returns:
        (N, 3) float32, sRGB-encoded. Where the splats have harmonics, only rows that the frame shows are set; else the base.

    Raises:
        Cancelled: through `progress`.
    """
    base = splats.colors if base is None else base
    sh = splats.sh
    if sh is None:
        return base
    out = np.empty_like(base)

    def work(i: int) -> None:
        start = frame.pieces[i].start * rasterise.CHUNK_SPLATS
        harmonics.colors(
            frame.records, start, frame.visible[i], frame.camera, splats.positions, base, sh, out
        )

    run(pool, work, range(len(frame.pieces)), progress)
    return out
