"""Splats in the PLY layout of 3D Gaussian Splatting (Kerbl et al. 2023), with our extra properties.

Binary little-endian, one `vertex` element of floats: `x y z nx ny nz f_dc_0..2 f_rest_0.. opacity scale_0..2 rot_0..3`,
where colour is a spherical harmonic of degree 0 and, in the 9, 24 or 45 `f_rest`, of degree 1 to 3 (all coefficients of red,
then of green, then of blue), opacity a logit, scales natural logarithms and rotations w x y z. Ours follow:
`confidence region origin`. The axes are ours (metres, Z up), said in a comment line.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import SplatError
from ..splats.record import SH_COUNTS, Splats
from ..store import atomic_path

_log = logging.getLogger(__name__)

SH_DEGREE_0 = 0.28209479177387814  # the constant spherical harmonic, 1 / (2 sqrt(pi))
METRIC_SCALE = 1.0  # metres per unit, of every file that we write
_MIN_OPACITY = 1e-6  # a logit stays finite
_MIN_SCALE = 1e-9  # metres; a logarithm stays finite
_MAX_HEADER = 65536
_LARGEST = 1e15  # whose squares single precision still holds; nothing in a scene is near it
_MOST_REGIONS = 1e6  # an index above is no region

_COLOR = ("f_dc_0", "f_dc_1", "f_dc_2")
_SCALE = ("scale_0", "scale_1", "scale_2")
_ROTATION = ("rot_0", "rot_1", "rot_2", "rot_3")
_REQUIRED = {"x", "y", "z", *_COLOR, "opacity", *_SCALE, *_ROTATION}
_TYPES = {
    **dict.fromkeys(("char", "int8"), "<i1"),
    **dict.fromkeys(("uchar", "uint8"), "<u1"),
    **dict.fromkeys(("short", "int16"), "<i2"),
    **dict.fromkeys(("ushort", "uint16"), "<u2"),
    **dict.fromkeys(("int", "int32"), "<i4"),
    **dict.fromkeys(("uint", "uint32"), "<u4"),
    **dict.fromkeys(("float", "float32"), "<f4"),
    **dict.fromkeys(("double", "float64"), "<f8"),
}


_PORTION = (
    1 << 16
)  # splats written at a time: the whole file once more in memory would be its largest consumer


def write_ply(path: Path, splats: Splats) -> None:
    """Write atomically.

    Raises:
        OutputError: the place cannot be written to.
    """
    names = [name for group, _ in _columns(splats.select(slice(0, 0))) for name in group]
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment AnchorStage: metres, Z up, photo along +Y",
    ]
    header += [f"comment metric_scale {METRIC_SCALE!r}", f"element vertex {len(splats)}"]
    header += [f"property float {name}" for name in names] + ["end_header\n"]
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write("\n".join(header).encode("ascii"))
        for first in range(0, len(splats), _PORTION):
            part = _columns(splats.select(slice(first, first + _PORTION)))
            file.write(np.column_stack([values for _, values in part]).astype("<f4").data)


def _columns(splats: Splats) -> list[tuple[Sequence[str], np.ndarray]]:
    """The file's properties in order, each group of names with its values (N, names)."""
    opacity = np.clip(splats.opacities.astype(np.float64), _MIN_OPACITY, 1 - _MIN_OPACITY)
    rest: list[tuple[Sequence[str], np.ndarray]] = []
    if splats.sh is not None:
        by_channel = splats.sh.transpose(0, 2, 1).reshape(len(splats), 3 * splats.sh.shape[1])
        rest = [(_rest(splats.sh.shape[1]), by_channel)]
    return [
        (("x", "y", "z"), splats.positions),
        (("nx", "ny", "nz"), splats.normals),
        (_COLOR, (splats.colors - 0.5) / SH_DEGREE_0),
        *rest,
        (("opacity",), np.log(opacity / (1 - opacity))[:, None]),
        (_SCALE, np.log(np.maximum(splats.scales, _MIN_SCALE))),
        (_ROTATION, splats.rotations),
        (("confidence",), splats.confidence[:, None]),
        (("region",), splats.region[:, None]),
        (("origin",), splats.origin[:, None]),
    ]


def _rest(count: int) -> list[str]:
    return [f"f_rest_{i}" for i in range(3 * count)]


def read_ply(path: Path, metric_scale: float | None = None) -> Splats:
    """Read a 3DGS PLY, ours or another program's (without confidence, regions and origin: 1, none, photographed).

    Harmonics are read where there are 9, 24 or 45 of them; another number is no whole band and is left out, with a warning in
    the log.

    Args:
        path: of the file.
        metric_scale: metres per unit of the file; None: as its header says, else 1.

    Raises:
        SplatError: missing, not such a PLY, truncated, or with values that are not numbers.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():
            raise SplatError(
                f"“{path}” is no file of splats. Restore it from a backup, or reconstruct again."
            )
        data = Path(path).read_bytes()
    except OSError as error:
        raise SplatError(
            f"“{path}” cannot be read ({error.strerror}). Restore it from a backup, or reconstruct again."
        ) from error
    rows, scale = _vertices(data, Path(path))
    metres = np.float32(scale if metric_scale is None else metric_scale)
    names = rows.dtype.names or ()
    missing = sorted(_REQUIRED - set(names))
    if missing:
        raise SplatError(
            f"“{path}” is a PLY without {', '.join(missing)}: not a Gaussian splat file. Choose another."
        )

    if not all((np.abs(rows[name]) <= _LARGEST).all() for name in names):  # which NaN is not
        raise SplatError(
            f"“{path}” holds values that are not numbers. Restore it from a backup, or reconstruct again."
        )

    def columns(*names: str) -> np.ndarray:
        return np.stack([rows[name].astype(np.float32) for name in names], axis=-1)

    def optional(name: str, otherwise: float) -> np.ndarray:
        return (
            rows[name].astype(np.float32)
            if name in names
            else np.full(len(rows), otherwise, np.float32)
        )

    return Splats(
        positions=columns("x", "y", "z") * metres,
        scales=np.exp(np.minimum(columns(*_SCALE), 30)) * metres,
        rotations=_unit(columns(*_ROTATION)),
        opacities=1 / (1 + np.exp(-np.clip(columns("opacity")[:, 0], -30, 30))),
        colors=columns(*_COLOR) * np.float32(SH_DEGREE_0) + 0.5,
        confidence=optional("confidence", 1),
        region=np.rint(np.clip(optional("region", -1), -1, _MOST_REGIONS)),
        origin=np.rint(np.clip(optional("origin", 0), 0, 255)),
        sh=_read_sh(rows, Path(path)),
    )


def _read_sh(rows: np.ndarray, path: Path) -> np.ndarray | None:
    """(N, K, 3) harmonics of bands 1 and above, None where the file has none."""
    there = [name for name in rows.dtype.names or () if name.startswith("f_rest_")]
    if not there:
        return None
    count = len(there) // 3
    if count not in SH_COUNTS or set(there) != set(_rest(count)):
        _log.warning(
            "%s has %d harmonics a splat, which are no whole bands: colours are the same from everywhere",
            path,
            len(there),
        )
        return None
    sh = np.empty((len(rows), count, 3), np.float32)
    for i, name in enumerate(_rest(count)):
        sh[:, i % count, i // count] = rows[name]
    return sh


def _unit(quaternions: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(quaternions, axis=1, keepdims=True)
    return np.where(
        length > 0, quaternions / np.maximum(length, 1e-12), np.array([1, 0, 0, 0], np.float32)
    )


def _positive(word: str) -> float:
    value = float(word)
    if not 0 < value < np.inf:
        raise ValueError(word)
    return value


def _vertices(data: bytes, path: Path) -> tuple[np.ndarray, float]:
    """The vertex element as a structured array, and the metric scale of the header's comment."""
    end = data.find(b"end_header\n", 0, _MAX_HEADER)
    if not data.startswith(b"ply") or end < 0:
        raise SplatError(
            f"“{path}” is not a PLY file. Restore it from a backup, or reconstruct again."
        )
    start = end + len(b"end_header\n")
    count, scale, fields, element, format_ = 0, 1.0, [], "", ""
    try:
        for line in data[:end].decode("ascii", "replace").splitlines():
            words = line.split()
            if words[:1] == ["format"]:
                format_ = words[1]
            elif words[:2] == ["comment", "metric_scale"]:
                scale = _positive(words[2])
            elif words[:1] == ["element"]:
                if element == "" and words[1] != "vertex":
                    raise SplatError(
                        f"“{path}” does not begin with vertices: not a Gaussian splat file. Choose another."
                    )
                element = words[1]
                count = int(words[2]) if element == "vertex" else count
                if count < 0:
                    raise ValueError(count)
            elif words[:1] == ["property"] and element == "vertex":
                fields.append((words[2], _TYPES[words[1]]))
    except (KeyError, IndexError, ValueError) as error:
        raise SplatError(
            f"“{path}” has a damaged PLY header. Restore it from a backup, or reconstruct again."
        ) from error
    if (
        format_ != "binary_little_endian"
        or len({name for name, _ in fields}) != len(fields)
        or not fields
    ):
        raise SplatError(
            f"“{path}” is not a binary little-endian PLY of Gaussian splats. Choose another."
        )
    layout = np.dtype(fields)
    if len(data) - start < count * layout.itemsize:
        raise SplatError(f"“{path}” is truncated. Restore it from a backup, or reconstruct again.")
    return np.frombuffer(data, layout, count, start), scale
