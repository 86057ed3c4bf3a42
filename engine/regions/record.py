"""The `Region` record: a named part of the photo."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Region:
    """A named part of the photo."""

    id: str  # "sky", "ground", or a label and a number: "facade_001"
    label: str  # "sky", "ground", "facade", "wall", "plane" or "foreground"
    mask: np.ndarray  # (H, W) bool
    plane: np.ndarray | None = (
        None  # (4,) a b c d in the world: a x + b y + c z + d = 0, unit normal towards the camera
    )
    locked: bool = False  # whether later steps must leave it as it is
    confidence: float = 0.0  # 0..1, mean of its pixels

    def plane_list(self) -> list[float] | None:
        """The plane's four numbers for a JSON file; None where the region is no plane."""
        return None if self.plane is None else [float(x) for x in self.plane]
