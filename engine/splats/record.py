"""The `Splats` record: a scene's Gaussians, one row each."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import SplatError
from ..geometry import quaternion_to_matrix

DEFAULT_MAX_SPLATS = 1_000_000  # of a scene, where nobody says otherwise
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
SH_COUNTS = (3, 8, 15)  # coefficients a colour of bands 1, 1..2 and 1..3: (degree + 1)² - 1


@dataclass(frozen=True, eq=False)
class Splats:
    """Anisotropic Gaussians in the world (metres, Z up).

    A splat's colour from an eye is `max(0, colors + sum over k of sh[k] Y_k(direction))`, direction from the eye to the splat
    in the world, Y the real spherical harmonics of bands 1 to 3 as 3DGS orders and signs them (`kernels.twin.sh_basis`).
    Without `sh` it is `colors` from everywhere.
    """

    positions: np.ndarray  # (N, 3) float32, metres
    scales: np.ndarray  # (N, 3) float32, standard deviations in metres along the splat's own axes
    rotations: np.ndarray  # (N, 4) float32, unit quaternions w x y z, world from splat
    opacities: np.ndarray  # (N,) float32, 0..1
    colors: np.ndarray  # (N, 3) float32, sRGB-encoded; 0..1, above 1 for HDR photos
    confidence: np.ndarray  # (N,) float32, 0..1
    region: np.ndarray  # (N,) int32, index into the scene's regions, -1 for none
    origin: np.ndarray  # (N,) uint8, PHOTOGRAPHED .. GENERATED
    sh: np.ndarray | None = (
        None  # (N, K, 3) float32, K of SH_COUNTS: how the colour changes with the direction of view
    )

    def __post_init__(self) -> None:
        """Check shapes once; convert to the contract's types."""
        count = len(self.positions)
        for name, (tail, dtype) in _SHAPES.items():
            array: np.ndarray = np.ascontiguousarray(getattr(self, name), dtype)
            if array.shape != (count, *tail):
                raise SplatError(
                    f"Splats of {count} rows need {name} of shape {(count, *tail)}, not {array.shape}."
                )
            object.__setattr__(self, name, array)
        if self.sh is not None:
            object.__setattr__(self, "sh", _checked_sh(self.sh, count))

    def __len__(self) -> int:
        """The number of Gaussians."""
        return len(self.positions)

    @property
    def normals(self) -> np.ndarray:
        """(N, 3) the splats' shortest axes, world; unsigned."""
        axis = np.argmin(self.scales, axis=1)
        matrices = quaternion_to_matrix(self.rotations)
        return np.take_along_axis(matrices, axis[:, None, None], axis=2)[..., 0]

    def select(self, rows: np.ndarray | slice) -> "Splats":
        """The rows of a mask, an index array or a slice."""
        sh = None if self.sh is None else self.sh[rows]
        return replace(self, sh=sh, **{name: getattr(self, name)[rows] for name in _SHAPES})

    def with_(self, **changes: Any) -> "Splats":
        """A copy with some arrays replaced."""
        return replace(self, **changes)

    @classmethod
    def concatenate(cls, parts: "list[Splats]") -> "Splats":
        """All rows of all parts, in order. Harmonics that a part lacks are zero."""
        joined: dict[str, Any] = {
            name: np.concatenate([getattr(part, name) for part in parts]) for name in _SHAPES
        }
        return cls(**joined, sh=_joined_sh(parts))


def _checked_sh(sh: np.ndarray, count: int) -> np.ndarray:
    array: np.ndarray = np.ascontiguousarray(sh, np.float32)
    if (
        array.ndim != 3
        or array.shape[0] != count
        or array.shape[1] not in SH_COUNTS
        or array.shape[2] != 3
    ):
        raise SplatError(
            f"Splats of {count} rows need sh of shape ({count}, 3 or 8 or 15, 3), not {array.shape}."
        )
    return array


def _joined_sh(parts: list[Splats]) -> np.ndarray | None:
    most = max((part.sh.shape[1] for part in parts if part.sh is not None), default=0)
    if not most:
        return None
    joined = np.zeros((sum(map(len, parts)), most, 3), np.float32)
    row = 0
    for part in parts:
        if part.sh is not None:
            joined[row : row + len(part), : part.sh.shape[1]] = part.sh
        row += len(part)
    return joined
