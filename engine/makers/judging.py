"""Judging Gaussians of another program: seen in the photo or not, and to be trusted how far."""

import cv2
import numpy as np

from ..camera import View
from ..splats import HIDDEN_LAYER, OUTPAINTED, PHOTOGRAPHED, Splats

# Mean number of opaque Gaussians in a cell of the picture: with fewer, the first surface of a cell
# may have none there.
CELL_SPLATS = 16

# A Gaussian farther than so many times the nearest depth of its cell and the cells around is behind
# something.
_BEHIND = 1.1

# Opacity from which a Gaussian hides others.
_OPAQUE = 0.3

# Such programs give no certainty of their own: what the photo shows they have seen ...
SEEN_CONFIDENCE = 0.8
# ... and the rest they have made up.
HIDDEN_CONFIDENCE = 0.3


def judged(splats: Splats, view: View) -> Splats:
    """Give Gaussians `origin` and `confidence` by what the photo's camera sees of them.

    Its first surface is photographed, what lies behind that is hidden, and what lies beside the
    frame or behind the camera is outpainted.

    Args:
        splats: in the same frame as the view's pose.
        view: the photo's camera.
    """
    pixels, depth = view.project(splats.positions)  # (N, 2), (N,)
    size = [view.width, view.height]
    in_frame = (pixels >= 0) & (pixels < size)  # (N, 2)
    is_inside = (depth > 0) & in_frame.all(axis=1)
    is_opaque = splats.opacities >= _OPAQUE
    is_behind = _behind_first_surface(
        pixels,
        depth,
        is_inside,
        is_inside & is_opaque,
        view,
    )
    of_frame = np.where(is_inside, PHOTOGRAPHED, OUTPAINTED)
    is_seen = is_inside & ~is_behind
    return splats.with_(
        origin=np.where(is_behind, HIDDEN_LAYER, of_frame),
        confidence=np.where(is_seen, SEEN_CONFIDENCE, HIDDEN_CONFIDENCE),
    )


def _behind_first_surface(
    pixels: np.ndarray,
    depth: np.ndarray,
    is_inside: np.ndarray,
    hides: np.ndarray,
    view: View,
) -> np.ndarray:
    """Find the Gaussians that the first visible surface hides.

    Args:
        pixels: (N, 2) x and y.
        depth: (N,) metres.
        is_inside: (N,) bool, inside the frame and before the camera.
        hides: (N,) bool, those of them that hide others.
        view: the photo's camera.

    Returns:
        (N,) bool.
    """
    # Cells of equal size, coarse enough that each has several opaque Gaussians.
    opaque_count = max(int(hides.sum()), 1)
    area = view.width * view.height
    cell_area = area * CELL_SPLATS / opaque_count
    side = max(1.0, np.sqrt(cell_area))  # pixels
    shape = (
        int(view.height / side) + 1,
        int(view.width / side) + 1,
    )
    cells = np.where(is_inside[:, None], pixels / side, 0)
    columns, rows = cells.astype(np.int64).T

    # The first surface of a cell is its nearest opaque Gaussian.
    nearest = np.full(shape, np.inf)
    opaque_cells = rows[hides], columns[hides]
    np.minimum.at(nearest, opaque_cells, depth[hides])
    has_surface = np.isfinite(nearest)

    # The farthest of the neighbours, so that a slanted surface is not behind its own near end.
    window = np.ones((3, 3), np.uint8)
    surface = cv2.dilate(np.where(has_surface, nearest, 0), window)
    own_cell = rows, columns
    is_farther = depth > _BEHIND * surface[own_cell]
    return is_inside & has_surface[own_cell] & is_farther
