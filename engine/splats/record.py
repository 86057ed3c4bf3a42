"""The `Splats` record: a scene's Gaussians, one row each."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import SplatError
from ..geometry import quaternion_to_matrix
from ..tables.attributes import ATTRIBUTES, SH_COUNTS

DEFAULT_MAX_SPLATS = 1_000_000  # of a scene, where the user gives no budget

# The values of `origin`: where a splat's surface and colour come from. Every depth source lifts
# with 0 and 1; Gaussians of other programs get 0, 1 and 2 by `makers/judging.py`.
# A surface that the photo shows, with the photo's own colour.
PHOTOGRAPHED = 0
# A surface that the photo does not show: continued behind a silhouette or beyond the photo's
# border; of another program's Gaussians those that the first visible surface hides.
HIDDEN_LAYER = 1
# Of another program's Gaussians those outside the photo's frame or behind its camera.
OUTPAINTED = 2
# A surface that a later photo or picture has painted anew. Kept for files; nothing writes it yet.
REFRESHED = 3
# A surface that a generative model has invented. Kept for files; nothing writes it yet.
GENERATED = 4

# Shape of a row and type of each array that every `Splats` has.
_SHAPES = {
    attribute.name: (attribute.row_shape, np.dtype(attribute.dtype))
    for attribute in ATTRIBUTES
    if attribute.kind == "field"
}


@dataclass(frozen=True, eq=False)
class Splats:
    """Anisotropic Gaussians in the world (metres, Z up).

    From an eye a splat has the colour `max(0, colors + sum over k of sh[k] Y_k(direction))`. The
    direction is that from the eye to the splat in the world, and Y are the real spherical harmonics
    of bands 1 to 3 as 3DGS orders and signs them (`kernels.twin.sh_basis`). Without `sh` a splat
    has `colors` from everywhere.
    """

    positions: np.ndarray  # (N, 3) float32, metres
    scales: np.ndarray  # (N, 3) float32, standard deviations along the splat's own axes, metres
    rotations: np.ndarray  # (N, 4) float32, unit quaternions w x y z, world from splat
    opacities: np.ndarray  # (N,) float32, 0..1
    colors: np.ndarray  # (N, 3) float32, sRGB-encoded; 0..1, above 1 for HDR photos
    confidence: np.ndarray  # (N,) float32, 0..1
    region: np.ndarray  # (N,) int32, index into the scene's regions, -1 for none
    origin: np.ndarray  # (N,) uint8, PHOTOGRAPHED .. GENERATED
    # (N, K, 3) float32, K of SH_COUNTS: the change of the colour with the direction of view.
    sh: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check shapes once; convert to the contract's types."""
        count = len(self.positions)
        for name, (row_shape, dtype) in _SHAPES.items():
            given = getattr(self, name)
            array: np.ndarray = np.ascontiguousarray(given, dtype)
            expected = (count, *row_shape)
            if array.shape != expected:
                raise SplatError(
                    f"Splats of {count} rows need {name} of shape {expected}, not {array.shape}."
                )
            object.__setattr__(self, name, array)
        if self.sh is not None:
            object.__setattr__(self, "sh", _checked_sh(self.sh, count))

    def __len__(self) -> int:
        """Return the number of Gaussians."""
        return len(self.positions)

    @property
    def normals(self) -> np.ndarray:
        """The splats' shortest axes, (N, 3), unit vectors in the world of arbitrary sign."""
        shortest = np.argmin(self.scales, axis=1)
        matrices = quaternion_to_matrix(self.rotations)  # (N, 3, 3), an axis a column
        axes = np.take_along_axis(
            matrices,
            shortest[:, None, None],
            axis=2,
        )
        return axes[..., 0]

    def select(self, rows: np.ndarray | slice) -> "Splats":
        """Return the rows of a mask, an index array or a slice."""
        chosen = {name: getattr(self, name)[rows] for name in _SHAPES}
        sh = None if self.sh is None else self.sh[rows]
        return replace(self, sh=sh, **chosen)

    def with_(self, **changes: Any) -> "Splats":
        """Return a copy with some arrays replaced."""
        return replace(self, **changes)

    @classmethod
    def concatenate(cls, parts: "list[Splats]") -> "Splats":
        """Join all rows of all parts, in order; a part without harmonics gets zeros."""
        joined: dict[str, Any] = {}
        for name in _SHAPES:
            arrays = [getattr(part, name) for part in parts]
            joined[name] = np.concatenate(arrays)
        return cls(**joined, sh=_joined_sh(parts))


def _checked_sh(sh: np.ndarray, count: int) -> np.ndarray:
    """Return harmonics as contiguous float32, or refuse their shape."""
    array: np.ndarray = np.ascontiguousarray(sh, np.float32)
    fits = (
        array.ndim == 3
        and array.shape[0] == count
        and array.shape[1] in SH_COUNTS
        and array.shape[2] == 3
    )
    if not fits:
        raise SplatError(
            f"Splats of {count} rows need sh of shape ({count}, 3 or 8 or 15, 3),"
            f" not {array.shape}."
        )
    return array


def _joined_sh(parts: list[Splats]) -> np.ndarray | None:
    """Join harmonics; parts of fewer bands are filled up with zeros, and None stays None."""
    most = 0
    total = 0
    for part in parts:
        total += len(part)
        if part.sh is not None:
            most = max(most, part.sh.shape[1])
    if most == 0:
        return None

    joined = np.zeros((total, most, 3), np.float32)
    start = 0
    for part in parts:
        end = start + len(part)
        if part.sh is not None:
            coefficients = part.sh.shape[1]
            joined[start:end, :coefficients] = part.sh
        start = end
    return joined
