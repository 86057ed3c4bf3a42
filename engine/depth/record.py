"""What every depth source takes and gives."""

from dataclasses import dataclass

import numpy as np

from ..camera import View

DEFAULT_CAMERA_HEIGHT = 1.6  # metres: a standing photographer


@dataclass(frozen=True)
class DepthOptions:
    """What the user knows about the photo; None where it is to be estimated."""

    source: str = "builtin"  # which estimator: builtin, or the name of a model in engine.models
    focal_px: float | None = None  # focal length in pixels of the upright photo at its full size
    focal_mm: float | None = None  # focal length in millimetres for a 36 mm wide frame
    camera_height: float | None = None  # metres above the ground
    max_pixels: int = (
        1_000_000  # of the grid the maps are made on; the photo's own size where it is smaller
    )
    model_folder: str | None = (
        None  # with a model's files, instead of where models are kept; with builtin: whichever it holds
    )


@dataclass(frozen=True, eq=False)
class DepthEstimate:
    """Metric depth on a grid of pixels with the photo's aspect, and the camera it belongs to."""

    view: View  # of the grid; posed in the world: gravity is -Z, the ground z = 0, the camera above the origin looks along +Y
    depth: np.ndarray  # (H, W) float32, planar metres, finite and positive everywhere; the sky has its backdrop's depth
    uncertainty: np.ndarray  # (H, W) float32, metres, one standard deviation
    confidence: np.ndarray  # (H, W) float32, 0..1
    normal: np.ndarray  # (H, W, 3) float32, world, unit length, facing the camera
    sky: np.ndarray  # (H, W) bool
    ground: np.ndarray  # (H, W) bool
    source: (
        str  # which estimator, and which of its ways ("builtin: network and planes, outdoors, ...")
    )
    warnings: tuple[str, ...] = ()  # sentences for the artist
    planes: np.ndarray | None = (
        None  # (P, 4) a b c d of what was found flat, beside the ground; None where nobody looked
    )
