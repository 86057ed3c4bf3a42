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
    """Compute the colours of splats for `frame.scene_of`, as the frame's eye sees them.

    They are `max(0, base + sum over k of sh[k] Y_k(direction))` (3DGS; Sloan 2013).

    Args:
        splats: the scene that the frame was projected from.
        frame: whose eye looks, and which splats it shows.
        pool: does the work.
        progress: asked between pieces.
        base: (N, 3) float32, C-contiguous, the constant part in place of the splats' own `colors`.

    Returns:
        (N, 3) float32, sRGB-encoded. Where the splats have harmonics, only rows that the frame
        shows are set; else the base itself.

    Raises:
        Cancelled: through `progress`.
    """
    if base is None:
        base = splats.colors
    sh = splats.sh
    if sh is None:
        return base
    colors = np.empty_like(base)

    def add_harmonics(piece: int) -> None:
        first_row = frame.pieces[piece].start * rasterise.CHUNK_SPLATS
        harmonics.colors(
            frame.records,
            first_row,
            frame.visible[piece],
            frame.camera,
            splats.positions,
            base,
            sh,
            colors,
        )

    run(pool, add_harmonics, range(len(frame.pieces)), progress)
    return colors
