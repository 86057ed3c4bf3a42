"""The `Region` record: a named part of the photo."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Region:
    """A named part of the photo."""

    id: str  # "sky", "ground", or a label and a number: "facade_001"
    label: str  # "sky", "ground", "facade", "wall", "plane" or "foreground"
    mask: np.ndarray  # (H, W) bool
    # (4,) a b c d in the world: a x + b y + c z + d = 0, unit normal towards the camera; None for
    # regions that are no plane.
    plane: np.ndarray | None = None
    locked: bool = False  # True: later steps must leave it as it is
    confidence: float = 0.0  # 0..1, mean of its pixels

    def plane_list(self) -> list[float] | None:
        """Return the plane's four numbers for a JSON file; None where the region is no plane."""
        if self.plane is None:
            return None
        return [float(number) for number in self.plane]
