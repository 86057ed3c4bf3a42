"""The `Scene` record: everything one photo became."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..camera import Camera, View
from ..regions import Region
from ..splats import Splats

SCHEMA = 2
PHOTO_CAMERA = "photo"

# Easily told apart, also by most colour-blind eyes (after Okabe and Ito 2008), in the order regions are found.
REGION_COLORS = (
    (0.34, 0.71, 0.91),
    (0.00, 0.62, 0.45),
    (0.90, 0.62, 0.00),
    (0.80, 0.47, 0.65),
    (0.94, 0.89, 0.26),
    (0.00, 0.45, 0.70),
    (0.84, 0.37, 0.00),
    (0.60, 0.60, 0.60),
    (0.55, 0.34, 0.86),
    (0.45, 0.30, 0.20),
)


@dataclass(frozen=True, eq=False)
class BaseWitness:
    """The photo as it came."""

    file_name: str
    original: bytes
    width: int  # pixels, upright
    height: int
    exif: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Maps:
    """Per-pixel knowledge on the grid of the photo's view."""

    depth: np.ndarray  # (H, W) float32, planar metres
    uncertainty: np.ndarray  # (H, W) float32, metres
    normal: np.ndarray  # (H, W, 3) float32, world
    confidence: np.ndarray  # (H, W) float32, 0..1


@dataclass(frozen=True, eq=False)
class Scene:
    """A metric scene of splats, cut into regions, with the cameras that look at it."""

    name: str
    photo: BaseWitness | None  # None in a schema 1 scene that kept none
    splats: Splats
    cameras: tuple[Camera, ...]
    active_camera: str = PHOTO_CAMERA
    maps: Maps | None = None
    regions: tuple[Region, ...] = ()
    depth_source: str = ""
    warnings: tuple[str, ...] = ()
    witnesses: tuple[dict[str, Any], ...] = ()  # kept as they are until their room reads them
    frames: tuple[dict[str, Any], ...] = ()

    def camera(self, id: str | None = None) -> Camera:
        """A camera by id; the active one where none is named, the first where that is missing."""
        wanted = id or self.active_camera
        return next((camera for camera in self.cameras if camera.id == wanted), self.cameras[0])

    @property
    def photo_eye(self) -> tuple[float, float, float]:
        """Where the photo was taken, metres in the world."""
        x, y, z = self.camera(PHOTO_CAMERA).position
        return float(x), float(y), float(z)

    @property
    def photo_view(self) -> View:
        """The photo's camera on the grid of the maps, or on the photo's own pixels where there are none."""
        camera = self.camera(PHOTO_CAMERA)
        photo = self.photo
        size = (photo.width, photo.height) if photo else (1280, max(1, round(1280 / camera.aspect_ratio)))
        view = camera.view(*size)
        if self.maps is None:
            return view
        height, width = self.maps.depth.shape
        return view.resized(width, height)

    @property
    def confidence(self) -> float:
        """Mean confidence of the photo's view, 0..1; of the splats where there is no map."""
        source = self.maps.confidence if self.maps is not None else self.splats.confidence
        return float(source.mean()) if source.size else 0.0

    def with_(self, **changes: Any) -> "Scene":
        """A copy with some parts replaced."""
        return replace(self, **changes)
