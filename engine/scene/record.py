"""The `Scene` record: everything one photo became."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..camera import Camera, View
from ..depth import DepthEstimate
from ..errors import SceneError
from ..regions import Region
from ..render.levels import Levels
from ..splats import Splats

if TYPE_CHECKING:
    from ..image import Photo  # and with it OpenCV

SCHEMA = 2
PHOTO_CAMERA = "photo"

# Easily told apart, also by most colour-blind eyes (after Okabe and Ito 2008), in the order regions
# are found.
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

    @classmethod
    def of(cls, photo: "Photo") -> "BaseWitness":
        """Keep a photo as it came.

        Odd suffixes are left out of its name in the scene's folder, for not every system can write
        them.
        """
        suffix = photo.suffix
        plain = suffix[1:].isascii() and suffix[1:].isalnum()
        name = f"photo{suffix}" if plain else "photo"
        return cls(name, photo.original, photo.width, photo.height, photo.exif)


@dataclass(frozen=True, eq=False)
class Maps:
    """Per-pixel knowledge on the grid of the photo's view."""

    depth: np.ndarray  # (H, W) float32, planar metres
    uncertainty: np.ndarray  # (H, W) float32, metres
    normal: np.ndarray  # (H, W, 3) float32, world
    confidence: np.ndarray  # (H, W) float32, 0..1
    sky: np.ndarray | None = None  # (H, W) bool; None in scenes that did not keep it
    ground: np.ndarray | None = None  # (H, W) bool; None in scenes that did not keep it

    @classmethod
    def of(cls, estimate: DepthEstimate) -> "Maps":
        """Take over what a depth estimate says of each pixel."""
        return cls(
            depth=estimate.depth,
            uncertainty=estimate.uncertainty,
            normal=estimate.normal,
            confidence=estimate.confidence,
            sky=estimate.sky,
            ground=estimate.ground,
        )


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
    # Levels of detail of these very splats; None: read or built when a moving frame first needs
    # them.
    levels: Levels | None = None
    depth_source: str = ""
    warnings: tuple[str, ...] = ()
    witnesses: tuple[dict[str, Any], ...] = ()  # kept as they are until their room reads them
    frames: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        """Refuse levels of detail of other splats."""
        if self.levels is not None and self.levels.count != len(self.splats):
            raise SceneError("The levels of detail belong to other splats; build them again.")

    def camera(self, id: str | None = None) -> Camera:
        """A camera by id; the active one where none is named, the first where that is missing."""
        wanted = id or self.active_camera
        return next((camera for camera in self.cameras if camera.id == wanted), self.cameras[0])

    @property
    def photo_eye(self) -> tuple[float, float, float]:
        """The place where the photo was taken, metres in the world."""
        x, y, z = self.camera(PHOTO_CAMERA).position
        return float(x), float(y), float(z)

    @property
    def photo_view(self) -> View:
        """The photo's camera on the grid of the maps; without maps on the photo's own pixels."""
        camera = self.camera(PHOTO_CAMERA)
        photo = self.photo
        size = (
            (photo.width, photo.height)
            if photo
            else (1280, max(1, round(1280 / camera.aspect_ratio)))
        )
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
        """Copy the scene with some parts replaced.

        Other splats do not keep the levels of detail of the old ones.
        """
        if "splats" in changes:
            changes = {"levels": None, **changes}
        return replace(self, **changes)

    @property
    def sky(self) -> np.ndarray | None:
        """The sky (H, W) bool on the grid of the maps; None without maps.

        It is the regions of that label; where there are none, what the depth estimate saw.
        """
        if self.maps is None:
            return None
        shape = self.maps.depth.shape
        skies = [
            region.mask
            for region in self.regions
            if region.label.lower() == "sky" and region.mask.shape == shape
        ]
        if skies:
            return np.logical_or.reduce(skies)
        return np.zeros(shape, bool) if self.maps.sky is None else self.maps.sky
