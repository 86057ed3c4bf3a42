"""Provenance of a depth map: its maker, the facts known of the photo, and the words for people."""

from dataclasses import dataclass

import numpy as np

from ..models import ModelCard

INDOORS_OUTSIDE = (
    "{title} was made for rooms, and this photo shows sky: its distances are too short. "
    "Use an outdoor model."
)
FOCAL_UNKNOWN = (
    "This photo does not tell its focal length, so that is estimated: widths are rough. "
    "Give it and reconstruct again."
)
NOT_COMMERCIAL = "The depth is by {title}, whose licence ({licence}) allows no commercial use."
SCALED = (
    "{title} took this photo for {factor} times its size; "
    "it was scaled to the camera height that you gave."
)
# The origin of a focal length that a depth network told, as people read it.
TOLD_BY = "from the depth model"

_SKY_SHARE = 0.1  # of the picture; the sky in a room's window is less
_SCALE_SURPRISE = 1.5  # a correction by a larger factor is worth a sentence


@dataclass(frozen=True)
class Origin:
    """The maker of a depth map."""

    title: str  # as people call it
    # Of a model that is known by name: its usual error, its licence, the place it was made for.
    card: ModelCard | None

    @property
    def is_for_rooms(self) -> bool:
        """True for a model that was made for indoor photos alone."""
        return self.card is not None and self.card.place == "indoors"


@dataclass(frozen=True)
class Known:
    """Facts about the photo that need no estimate."""

    focal: float | None  # pixels of the grid
    focal_from: str  # the origin of the focal length, for people
    camera_height: float | None  # metres


def source_sentence(origin: Origin, known: Known, height: float, floor: float | None) -> str:
    """Tell people how the depth was measured.

    Args:
        origin: the maker of the depth.
        known: focal length and camera height where they were given.
        height: metres of the camera above the ground.
        floor: metres of the camera above the ground that the depth map shows, before the map was
            scaled; None where it shows no ground.
    """
    if known.camera_height:
        height_from = "given"
    elif floor:
        height_from = "as the model sees the ground"
    else:
        height_from = "assumed"
    focal_from = "estimated" if known.focal is None else known.focal_from
    camera = f"camera {height:.2g} m up ({height_from})"
    return f"{origin.title}: focal length {focal_from}, {camera}"


def warnings_for(origin: Origin, known: Known, sky: np.ndarray, factor: float) -> tuple[str, ...]:
    """Collect the sentences that the artist should read.

    Args:
        origin: the maker of the depth.
        known: focal length and camera height where they were given.
        sky: (H, W) bool, as metrology finds it.
        factor: the number that the map's metres were multiplied with.
    """
    card = origin.card
    title = origin.title
    warnings = []
    if card and not card.commercial:
        warnings.append(NOT_COMMERCIAL.format(title=title, licence=card.licence))
    if origin.is_for_rooms and sky.mean() > _SKY_SHARE:
        warnings.append(INDOORS_OUTSIDE.format(title=title))
    if known.focal is None:
        warnings.append(FOCAL_UNKNOWN)
    if not 1 / _SCALE_SURPRISE < factor < _SCALE_SURPRISE:
        warnings.append(SCALED.format(title=title, factor=f"{1 / factor:.2g}"))
    return tuple(warnings)
