"""Records that every depth source takes and gives: the user's options, and the estimate."""

from dataclasses import dataclass

import numpy as np

from ..camera import View

DEFAULT_CAMERA_HEIGHT = 1.6  # metres: a standing photographer


@dataclass(frozen=True)
class DepthOptions:
    """The user's knowledge of the photo; None for a value that is to be estimated."""

    source: str = "builtin"  # the estimator: builtin, or the name of a model in engine.models
    focal_px: float | None = None  # focal length in pixels of the upright photo at its full size
    focal_mm: float | None = None  # focal length in millimetres for a 36 mm wide frame
    camera_height: float | None = None  # metres above the ground
    # Most pixels of the grid that the maps are made on; a smaller photo keeps its own size.
    max_pixels: int = 1_000_000
    # Folder with a model's files, instead of the place where models are kept; with the source
    # builtin it is the model that the folder holds, whichever that is.
    model_folder: str | None = None


@dataclass(frozen=True, eq=False)
class DepthEstimate:
    """Metric depth on a grid of pixels with the photo's aspect, and the camera it belongs to."""

    # The camera of the grid, posed in the world: gravity is -Z, the ground z = 0, the camera
    # stands above the origin and looks along +Y.
    view: View
    # (H, W) float32, planar metres, finite and positive everywhere; the sky has its backdrop's.
    depth: np.ndarray
    uncertainty: np.ndarray  # (H, W) float32, metres, one standard deviation
    confidence: np.ndarray  # (H, W) float32, 0..1
    normal: np.ndarray  # (H, W, 3) float32, world, unit length, facing the camera
    sky: np.ndarray  # (H, W) bool
    ground: np.ndarray  # (H, W) bool
    # The estimator, and the way it took ("builtin: network and planes, outdoors, ...").
    source: str
    warnings: tuple[str, ...] = ()  # sentences for the artist
    # (P, 4) a b c d of the planes found besides the ground; None where none were searched for.
    planes: np.ndarray | None = None
