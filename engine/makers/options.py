"""Options that makers share: what the artist knows of a photo, and how large the scene may be."""

from dataclasses import dataclass

from ..errors import ArgumentError
from ..options import option
from ..splats import DEFAULT_MAX_SPLATS

FEWEST_SPLATS = 100
MOST_SPLATS = 20_000_000
FOCAL_PX = (1, 10_000_000)  # pixels
FOCAL_MM = (1, 100_000)  # millimetres, from beyond a fisheye to a telescope
CAMERA_HEIGHTS = (0.001, 100_000)  # metres, from a miniature to an aeroplane
MOST_FIT = 10_000  # iterations


@dataclass(frozen=True, kw_only=True)
class PhotoOptions:
    """Facts that are known of a photo, and choices of how its scene is made."""

    focal_px: float | None = option(
        "focal length in pixels of the photo (else EXIF, else estimated)", None
    )
    focal_mm: float | None = option("focal length in millimetres for a 36 mm wide frame", None)
    camera_height: float | None = option(
        "metres between the ground and the camera (else 1.6, indoors 1.3)", None
    )
    max_splats: int = option("at most so many splats (else a million)", DEFAULT_MAX_SPLATS)
    depth: str = option(
        "which depth source: builtin, or a name that `anchorstage models` lists",
        "builtin",
        metavar="NAME",
    )
    fit: int = option(
        "fit the splats to the photo in N iterations, 40 do (needs PyTorch)", 0, metavar="N"
    )
    depth_folder: str | None = option(
        "the folder with that model's files (else where models are kept)", None, metavar="PATH"
    )

    def __post_init__(self) -> None:
        """Refuse values that make no sense, before any work is done.

        Raises:
            ArgumentError: one sentence.
        """
        check_range("focal length", self.focal_px, FOCAL_PX, "pixels")
        check_range("focal length", self.focal_mm, FOCAL_MM, "mm")
        check_camera_height(self.camera_height)
        if self.focal_px is not None and self.focal_mm is not None:
            raise ArgumentError("Give the focal length in pixels or in millimetres, not both.")
        if not FEWEST_SPLATS <= self.max_splats <= MOST_SPLATS:
            raise ArgumentError(
                f"The number of splats must be between {FEWEST_SPLATS} and {MOST_SPLATS}, "
                f"not {self.max_splats}."
            )
        if not 0 <= self.fit <= MOST_FIT:
            raise ArgumentError(f"A fit takes 0 to {MOST_FIT} iterations, not {self.fit}.")


def check_camera_height(metres: float | None) -> None:
    """Refuse a camera height that no camera has.

    Raises:
        ArgumentError: one sentence.
    """
    check_range("camera height", metres, CAMERA_HEIGHTS, "metres")


def check_range(name: str, value: float | None, limits: tuple[float, float], unit: str) -> None:
    """Refuse a number outside its limits; None stands for "not given".

    Raises:
        ArgumentError: one sentence.
    """
    low, high = limits
    if value is not None and not low <= value <= high:
        raise ArgumentError(
            f"The {name} must be a number from {low} to {high} {unit}, not {value:g}."
        )
