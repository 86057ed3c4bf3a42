"""Judging Gaussians that another program made: which of them the photo shows, and how far each is to be trusted."""

import cv2
import numpy as np

from ..camera import View
from ..splats import HIDDEN_LAYER, OUTPAINTED, PHOTOGRAPHED, Splats

CELL_SPLATS = 16  # in a cell of the picture: with fewer, its first surface may have none there
_BEHIND = 1.1  # times the nearest depth of a cell and its neighbours: what lies farther is behind something
_OPAQUE = 0.3  # opacity from which a Gaussian hides others
# Such programs say nothing of their own certainty: what the photo shows they have seen, the rest they have made up.
SEEN_CONFIDENCE = 0.8
HIDDEN_CONFIDENCE = 0.3


def judged(splats: Splats, view: View) -> Splats:
    """With `origin` and `confidence` by what the photo's camera sees: its first surface, what lies behind, what lies beside.

    Args:
        splats: in the same frame as the view's pose.
        view: the photo's camera.
    """
    pixels, depth = view.project(splats.positions)
    inside = (
        (depth > 0) & (pixels >= 0).all(axis=1) & (pixels < [view.width, view.height]).all(axis=1)
    )
    hides = inside & (splats.opacities >= _OPAQUE)
    side = max(
        1.0, np.sqrt(view.width * view.height * CELL_SPLATS / max(int(hides.sum()), 1))
    )  # pixels of a cell
    shape = int(view.height / side) + 1, int(view.width / side) + 1
    columns, rows = np.where(inside[:, None], pixels / side, 0).astype(np.int64).T
    nearest = np.full(shape, np.inf)
    np.minimum.at(nearest, (rows[hides], columns[hides]), depth[hides])
    # The farthest of the neighbours, so that a slanted surface is not behind its own near end.
    surface = cv2.dilate(np.where(np.isfinite(nearest), nearest, 0), np.ones((3, 3), np.uint8))
    behind = (
        inside & np.isfinite(nearest[rows, columns]) & (depth > _BEHIND * surface[rows, columns])
    )
    origin = np.where(behind, HIDDEN_LAYER, np.where(inside, PHOTOGRAPHED, OUTPAINTED))
    return splats.with_(
        origin=origin, confidence=np.where(inside & ~behind, SEEN_CONFIDENCE, HIDDEN_CONFIDENCE)
    )
