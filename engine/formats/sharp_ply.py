"""Gaussians that SHARP has written, with the photo's camera.

The layout is that of `sharp.utils.gaussians.save_ply` in apple/ml-sharp: 3DGS's `vertex` element,
in the photo's OpenCV camera frame in metres, and behind it one element of one property for each of
`extrinsic` (16 numbers, row by row, camera from world), `intrinsic` (9), `image_size` (width,
height), `frame`, `disparity`, `color_space` (0 sRGB, 1 linear) and `version`. Older files have a
transposed `extrinsic` of 12 numbers, or an `intrinsic` of 4 that ends with the size. A PLY of
another program without them is taken as SHARP's own reader takes it.
"""

from pathlib import Path

import numpy as np

from ..camera import View
from ..colour import encode_srgb
from ..errors import ArgumentError, SplatError
from ..splats import Splats
from ..splats.moving import moved
from ..tables.attributes import ATTRIBUTES
from .encoding import LARGEST, check_properties, missing_attribute, read_attribute
from .ply_elements import (
    BINARY,
    MAX_HEADER,
    Flaw,
    Header,
    PlyError,
    element_rows,
    parse_header,
    stacked,
)

# Assumed by SHARP's own reader where a file has no camera.
_USUAL_FOCAL = 512.0  # pixels
_USUAL_SIZE = (640, 480)  # pixels

# Largest element of R Rᵀ - 1 with which R still counts as a rotation; files hold few digits.
_RIGID = 1e-3

_SENTENCES = {
    Flaw.NOT_PLY: "“{path}” is not a PLY file. Choose one that holds Gaussian splats.",
    Flaw.HEADER: "“{path}” has a damaged PLY header. Copy or write it again.",
    Flaw.FORMAT: "“{path}” is not a binary little-endian PLY. Choose another, or save it as one.",
    Flaw.TRUNCATED: "“{path}” is cut short. Copy or write it again.",
}


def written_by_sharp(path: Path) -> bool:
    """Return True where a PLY has the elements that only SHARP writes."""
    try:
        with open(path, "rb") as file:
            header = file.read(MAX_HEADER).partition(b"end_header\n")[0]
    except OSError:
        return False
    return b"\nelement disparity " in header


def read_camera_frame(path: Path) -> tuple[Splats, View]:
    """Read Gaussians in the photo's camera frame, and the photo's camera at its origin.

    The frame is OpenCV's: x right, y down, z forward, metres.

    Raises:
        SplatError: no such file, or not a whole binary PLY of Gaussians.
    """
    path = Path(path)
    elements = _elements(path)
    splats = _splats(elements, path)
    view, camera_from_file = _camera(elements, path)
    return moved(splats, camera_from_file), view


def _elements(path: Path) -> dict[str, np.ndarray]:
    """Read the elements of a binary PLY up to the first with a list, structured arrays by name."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SplatError(
            f"“{path}” cannot be read ({error.strerror}). Choose a PLY file of Gaussian splats."
        ) from error
    try:
        return _rows_by_name(data, parse_header(data))
    except PlyError as error:
        raise SplatError(_SENTENCES[error.flaw].format(path=path)) from error


def _rows_by_name(data: bytes, header: Header) -> dict[str, np.ndarray]:
    # A file that does not say its format is taken as binary.
    if header.format not in ("", BINARY):
        raise PlyError(Flaw.FORMAT)
    rows: dict[str, np.ndarray] = {}
    start = header.start
    for element in header.elements:
        # The end of a list is found only by reading it, and so is all behind it.
        if element.has_list:
            break
        if element.properties:
            rows[element.name] = element_rows(data, start, element)
            start += rows[element.name].nbytes
    return rows


def _splats(elements: dict[str, np.ndarray], path: Path) -> Splats:
    """Read the vertices as Gaussians, in the file's frame."""
    rows = elements.get("vertex", np.empty(0))
    check_properties(rows, path)
    is_number = _numbers(rows)
    if not is_number.any() or not is_number.all():
        raise SplatError(
            f"“{path}” holds {(~is_number).sum()} of {len(rows)} Gaussians that are no numbers."
            " Write it again."
        )
    fields = {}
    for attribute in ATTRIBUTES:
        if attribute.required:
            fields[attribute.name] = read_attribute(rows, attribute)
        elif attribute.kind == "field":
            fields[attribute.name] = missing_attribute(len(rows), attribute)
    if _is_linear(elements):
        fields["colors"] = encode_srgb(np.maximum(fields["colors"], 0))
    return Splats(**fields)


def _numbers(rows: np.ndarray) -> np.ndarray:
    """Return which rows (N,) hold numbers alone, bool."""
    is_number = np.ones(len(rows), bool)
    for attribute in ATTRIBUTES:
        if not attribute.required:
            continue
        encoded = stacked(rows, attribute.ply_names)
        if attribute.ply_encoding in ("logit", "log"):
            # SHARP writes an infinite one for an opacity of 1, or for no extent.
            valid = ~np.isnan(encoded)
        else:
            valid = np.abs(encoded) <= LARGEST
        is_number &= valid.all(axis=1)
    return is_number


def _is_linear(elements: dict[str, np.ndarray]) -> bool:
    """Return True where colours are linear.

    The file says so in `color_space`, or it is an early file of SHARP's: those have an `intrinsic`
    and linear colours, and do not say so.
    """
    color_space = _numbers_of(elements, "color_space")
    if color_space is not None and len(color_space):
        return bool(color_space[0] != 0)
    return "intrinsic" in elements


def _numbers_of(elements: dict[str, np.ndarray], name: str) -> np.ndarray | None:
    """Return the one property of one of SHARP's elements, (N,); None where there is none."""
    rows = elements.get(name)
    if rows is None or name not in (rows.dtype.names or ()):
        return None
    return rows[name]


def _camera(elements: dict[str, np.ndarray], path: Path) -> tuple[View, np.ndarray]:
    """Return the photo's camera at the origin of its own frame, and that frame from the file's.

    Returns:
        The view, and a rigid (4, 4) transform.
    """
    try:
        view = _view(elements)
    except (ValueError, OverflowError, ArgumentError) as error:
        raise SplatError(f"“{path}” has a camera that makes no sense. Write it again.") from error
    camera_from_file = _extrinsic(_floats(elements, "extrinsic"))
    if not _is_rigid(camera_from_file):
        raise SplatError(f"“{path}” has a camera that makes no sense. Write it again.")
    return view, camera_from_file


def _view(elements: dict[str, np.ndarray]) -> View:
    """Return the pinhole of `intrinsic` and `image_size`.

    Raises:
        ValueError: another number of values than SHARP writes, or values that are no numbers.
        OverflowError: a size that is infinite.
        ArgumentError: values that make no picture.
    """
    intrinsic = _floats(elements, "intrinsic")
    size = _floats(elements, "image_size")
    if intrinsic is None:
        width, height = _USUAL_SIZE
        fx = fy = _USUAL_FOCAL
        cx, cy = width / 2, height / 2
    elif size is None:
        # An early file: the size stands behind the focal lengths.
        fx, fy, width, height = intrinsic
        cx, cy = width / 2, height / 2
    else:
        # K row by row: fx, skew, cx, 0, fy, cy, ...
        fx, _, cx, _, fy, cy = intrinsic[:6]
        width, height = size
    at_origin = np.eye(4)
    return View(float(fx), float(fy), float(cx), float(cy), int(width), int(height), at_origin)


def _floats(elements: dict[str, np.ndarray], name: str) -> np.ndarray | None:
    """Return the numbers of one of SHARP's elements as float64; None where there is none."""
    numbers = _numbers_of(elements, name)
    return None if numbers is None else np.asarray(numbers, float)


def _extrinsic(values: np.ndarray | None) -> np.ndarray:
    """Return the pose camera from world (4, 4).

    Args:
        values: 16 numbers row by row; of early files 12, with the rotation transposed; or None,
            which is the identity. Another number of them gives NaN.
    """
    matrix = np.eye(4)
    if values is None:
        return matrix
    if values.size == 16:
        matrix[:] = values.reshape(4, 4)
    elif values.size == 12:
        matrix[:3] = values.reshape(3, 4)
        matrix[:3, :3] = matrix[:3, :3].T.copy()
    else:
        matrix[:] = np.nan
    return matrix


def _is_rigid(transform: np.ndarray) -> bool:
    """Return True where a finite (4, 4) transform turns and moves, without scale or mirror."""
    rotation = transform[:3, :3]
    deviation = np.abs(rotation @ rotation.T - np.eye(3)).max()
    is_rotation = deviation < _RIGID and np.linalg.det(rotation) > 0
    return bool(is_rotation and np.isfinite(transform).all())
