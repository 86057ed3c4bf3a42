"""The `Splats` record: a scene's Gaussians, one row each."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import SplatError
from ..geometry import quaternion_to_matrix

PHOTOGRAPHED, HIDDEN_LAYER, OUTPAINTED, REFRESHED, GENERATED = range(5)

_SHAPES: dict[str, tuple[tuple[int, ...], type]] = {
    "positions": ((3,), np.float32),
    "scales": ((3,), np.float32),
    "rotations": ((4,), np.float32),
    "opacities": ((), np.float32),
    "colors": ((3,), np.float32),
    "confidence": ((), np.float32),
    "region": ((), np.int32),
    "origin": ((), np.uint8),
}


@dataclass(frozen=True, eq=False)
class Splats:
    """Anisotropic Gaussians in the world (metres, Z up)."""

    positions: np.ndarray  # (N, 3) float32, metres
    scales: np.ndarray  # (N, 3) float32, standard deviations in metres along the splat's own axes
    rotations: np.ndarray  # (N, 4) float32, unit quaternions w x y z, world from splat
    opacities: np.ndarray  # (N,) float32, 0..1
    colors: np.ndarray  # (N, 3) float32, sRGB-encoded; 0..1, above 1 for HDR photos
    confidence: np.ndarray  # (N,) float32, 0..1
    region: np.ndarray  # (N,) int32, index into the scene's regions, -1 for none
    origin: np.ndarray  # (N,) uint8, PHOTOGRAPHED .. GENERATED
    metric_scale: float = 1.0  # metres per unit of positions

    def __post_init__(self) -> None:
        """Check shapes once; convert to the contract's types."""
        count = len(self.positions)
        for name, (tail, dtype) in _SHAPES.items():
            array: np.ndarray = np.ascontiguousarray(getattr(self, name), dtype)
            if array.shape != (count, *tail):
                raise SplatError(f"Splats of {count} rows need {name} of shape {(count, *tail)}, not {array.shape}.")
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        """The number of Gaussians."""
        return len(self.positions)

    @property
    def normals(self) -> np.ndarray:
        """(N, 3) the splats' shortest axes, world; unsigned."""
        axis = np.argmin(self.scales, axis=1)
        matrices = quaternion_to_matrix(self.rotations)
        return np.take_along_axis(matrices, axis[:, None, None], axis=2)[..., 0]

    def select(self, rows: np.ndarray) -> "Splats":
        """The rows of a mask or an index array."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _SHAPES})

    def with_(self, **changes: Any) -> "Splats":
        """A copy with some arrays replaced."""
        return replace(self, **changes)

    @classmethod
    def concatenate(cls, parts: "list[Splats]") -> "Splats":
        """All rows of all parts, in order; the first part's scale."""
        joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _SHAPES}
        return cls(**joined, metric_scale=parts[0].metric_scale)
