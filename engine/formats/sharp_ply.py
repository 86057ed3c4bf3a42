"""Gaussians that SHARP has written (apple/ml-sharp, `sharp.utils.gaussians.save_ply`), brought into our world.

Its PLY is 3DGS's `vertex` element, in the photo's OpenCV camera frame in metres, and behind it one element of one property
for each of `extrinsic` (16, row by row, camera from world), `intrinsic` (9), `image_size` (width, height), `frame`,
`disparity`, `color_space` (0 sRGB, 1 linear) and `version`. Older files have a transposed `extrinsic` of 12 or an `intrinsic`
of 4 that ends with the size. A PLY of another program without them is taken as SHARP's own reader takes it.
"""

from pathlib import Path

import numpy as np

from ..camera import View
from ..colour import encode_srgb
from ..errors import ArgumentError, SplatError
from ..splats import Splats
from ..splats.moving import moved
from .ply import SH_DEGREE_0

_TYPES = {
    "char": "i1",
    "uchar": "u1",
    "short": "i2",
    "ushort": "u2",
    "int": "i4",
    "uint": "u4",
    "float": "f4",
    "double": "f8",
}
_TYPES |= {
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
}
_TYPES |= {"float32": "f4", "float64": "f8"}
_NEEDED = {
    "x",
    "y",
    "z",
    "opacity",
    *(f"{group}_{i}" for group, n in (("f_dc", 3), ("scale", 3), ("rot", 4)) for i in range(n)),
}
_EXTRAS = ("extrinsic", "intrinsic", "image_size", "color_space")
_MAX_HEADER = 65536
_USUAL_FOCAL, _USUAL_SIZE = (
    512.0,
    (640, 480),
)  # what SHARP's own reader assumes where a file says nothing
_LARGEST = 1e15  # whose squares single precision still holds
_MOST_LOG_SCALE = 20.0  # from nanometres to beyond any horizon
_MOST_LOGIT = 16.0  # the opacity is 1 in single precision
_RIGID = 1e-3  # how far a rotation may be from one


def written_by_sharp(path: Path) -> bool:
    """Whether a PLY has the elements that only SHARP writes."""
    try:
        with open(path, "rb") as file:
            return b"\nelement disparity " in file.read(_MAX_HEADER).partition(b"end_header\n")[0]
    except OSError:
        return False


def read_camera_frame(path: Path) -> tuple[Splats, View]:
    """Read Gaussians in the photo's camera frame (x right, y down, z forward, metres), and that camera at the origin.

    Raises:
        SplatError: no such file, or not a whole binary PLY of Gaussians.
    """
    path = Path(path)
    elements = _elements(path)
    splats = _splats(elements, path)
    view, camera_from_file = _camera(elements, path)
    return moved(splats, camera_from_file), view


def _elements(path: Path) -> dict[str, np.ndarray]:
    """Every element of a binary PLY up to the first with a list, as structured arrays by name."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SplatError(
            f"“{path}” cannot be read ({error.strerror}). Choose a PLY file of Gaussian splats."
        ) from error
    end = data.find(b"end_header\n", 0, _MAX_HEADER)
    if not data.startswith(b"ply") or end < 0:
        raise SplatError(f"“{path}” is not a PLY file. Choose one that holds Gaussian splats.")
    layouts = _layouts(data[:end].decode("ascii", "replace"), path)
    found, start = {}, end + len(b"end_header\n")
    for name, (count, fields) in layouts.items():
        layout = np.dtype(fields)
        if len(data) - start < count * layout.itemsize:
            raise SplatError(f"“{path}” is cut short. Copy or write it again.")
        found[name] = np.frombuffer(data, layout, count, start)
        start += count * layout.itemsize
    return found


def _layouts(header: str, path: Path) -> dict[str, tuple[int, list[tuple[str, str]]]]:
    """Count and fields of each element of a header."""
    layouts: dict[str, tuple[int, list[tuple[str, str]]]] = {}
    fields: list[tuple[str, str]] = []
    try:
        for words in map(str.split, header.splitlines()):
            if words[:1] == ["format"] and words[1] != "binary_little_endian":
                raise SplatError(
                    f"“{path}” is not a binary little-endian PLY. Choose another, or save it as one."
                )
            if words[:1] == ["element"]:
                fields = []
                layouts[words[1]] = (_count(words[2]), fields)
            elif words[:2] == ["property", "list"]:
                layouts.popitem()  # faces: nothing behind them can be found without reading them
                break
            elif words[:1] == ["property"]:
                fields.append((words[2], "<" + _TYPES[words[1]]))
        return {name: entry for name, entry in layouts.items() if np.dtype(entry[1]).itemsize}
    except (KeyError, IndexError, ValueError) as error:
        raise SplatError(f"“{path}” has a damaged PLY header. Copy or write it again.") from error


def _count(word: str) -> int:
    count = int(word)
    if count < 0:
        raise ValueError(word)
    return count


def _splats(elements: dict[str, np.ndarray], path: Path) -> Splats:
    """The vertices as Gaussians, in the file's frame."""
    rows = elements.get("vertex", np.empty(0))
    missing = sorted(_NEEDED - set(rows.dtype.names or ()))
    if missing:
        raise SplatError(
            f"“{path}” is a PLY without {', '.join(missing)}: not a Gaussian splat file. Choose another."
        )

    def columns(*names: str) -> np.ndarray:
        return np.stack([rows[name].astype(np.float32) for name in names], axis=-1)

    positions, harmonics = columns("x", "y", "z"), columns("f_dc_0", "f_dc_1", "f_dc_2")
    rotations = columns("rot_0", "rot_1", "rot_2", "rot_3")
    # What is quite opaque has an infinite logit, and what has no extent an infinite logarithm.
    logits = np.clip(columns("opacity")[:, 0], -_MOST_LOGIT, _MOST_LOGIT)
    logs = np.clip(columns("scale_0", "scale_1", "scale_2"), -_MOST_LOG_SCALE, _MOST_LOG_SCALE)
    fine = np.isfinite(logits)
    for values in (positions, rotations, logs, harmonics):
        fine &= (np.abs(values) <= _LARGEST).all(axis=1)
    if not fine.any() or not fine.all():
        raise SplatError(
            f"“{path}” holds {(~fine).sum()} of {len(rows)} Gaussians that are no numbers. Write it again."
        )
    colors = harmonics * np.float32(SH_DEGREE_0) + np.float32(0.5)
    if _is_linear(elements):
        colors = encode_srgb(np.maximum(colors, 0))
    length = np.linalg.norm(rotations, axis=1, keepdims=True)
    return Splats(
        positions=positions,
        scales=np.exp(logs),
        rotations=np.where(
            length > 0, rotations / np.maximum(length, 1e-12), np.array([1, 0, 0, 0], np.float32)
        ),
        opacities=1 / (1 + np.exp(-logits)),
        colors=colors,
        confidence=np.ones(len(rows)),
        region=np.full(len(rows), -1),
        origin=np.zeros(len(rows)),
    )


def _is_linear(elements: dict[str, np.ndarray]) -> bool:
    """Whether colours are linear: said, or an early file of SHARP's, which said nothing and was."""
    said = elements.get("color_space")
    if said is not None and len(said) and _has(said, "color_space"):
        return bool(said["color_space"][0] != 0)
    return "intrinsic" in elements


def _camera(elements: dict[str, np.ndarray], path: Path) -> tuple[View, np.ndarray]:
    """The photo's camera at the origin of its own frame, and that frame from the file's (4, 4)."""
    said = {
        name: np.asarray(elements[name][name], float)
        for name in _EXTRAS
        if name in elements and _has(elements[name], name)
    }
    intrinsic, size = said.get("intrinsic"), said.get("image_size")
    camera_from_file = _extrinsic(said.get("extrinsic"))
    try:
        if intrinsic is None:
            (width, height), fx, fy = _USUAL_SIZE, _USUAL_FOCAL, _USUAL_FOCAL
            cx, cy = width / 2, height / 2
        elif size is None:
            fx, fy, width, height = intrinsic
            cx, cy = width / 2, height / 2
        else:
            fx, _, cx, _, fy, cy = intrinsic[:6]
            width, height = size
        view = View(float(fx), float(fy), float(cx), float(cy), int(width), int(height), np.eye(4))
    except (ValueError, OverflowError, ArgumentError) as error:
        raise SplatError(f"“{path}” has a camera that makes no sense. Write it again.") from error
    rotation = camera_from_file[:3, :3]
    rigid = np.abs(rotation @ rotation.T - np.eye(3)).max() < _RIGID and np.linalg.det(rotation) > 0
    if not (rigid and np.isfinite(camera_from_file).all()):
        raise SplatError(f"“{path}” has a camera that makes no sense. Write it again.")
    return view, camera_from_file


def _has(rows: np.ndarray, name: str) -> bool:
    return name in (rows.dtype.names or ())


def _extrinsic(values: np.ndarray | None) -> np.ndarray:
    """Camera from world (4, 4): 16 numbers row by row, of early files 12 with the rotation transposed, or none at all."""
    matrix = np.eye(4)
    if values is not None and values.size == 16:
        matrix[:] = values.reshape(4, 4)
    elif values is not None and values.size == 12:
        matrix[:3] = values.reshape(3, 4)
        matrix[:3, :3] = matrix[:3, :3].T.copy()
    elif values is not None:
        matrix[:] = np.nan
    return matrix
