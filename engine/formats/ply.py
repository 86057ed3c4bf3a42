"""Splats in the PLY layout of 3D Gaussian Splatting (Kerbl et al. 2023), with our own properties.

The file is binary little-endian and has one `vertex` element of floats:
`x y z nx ny nz f_dc_0..2 f_rest_0.. opacity scale_0..2 rot_0..3`. The colour is a spherical
harmonic of degree 0 and, in the 9, 24 or 45 `f_rest`, of degree 1 to 3 (all coefficients of red,
then of green, then of blue); opacity is a logit, scales are natural logarithms, rotations are
w x y z. Behind them follow ours: `confidence region origin`. The axes are ours (metres, Z up), and
a comment line says so.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..errors import SplatError
from ..splats.record import SH_COUNTS, Splats
from ..store import atomic_path
from ..tables.attributes import ATTRIBUTES, BY_NAME, PLY_ORDER
from .encoding import LARGEST, check_properties, encode, missing_attribute, read_attribute
from .ply_elements import BINARY, Flaw, Header, PlyError, element_rows, parse_header

_log = logging.getLogger(__name__)

METRIC_SCALE = 1.0  # metres per unit, of every file that we write

# Splats written at a time: the whole file once more in memory would be its largest consumer.
_PORTION = 1 << 16

# The first property of each attribute that is read back.
_READ = {attribute.ply_names[0] for attribute in ATTRIBUTES if attribute.kind == "field"}

_SCALE_COMMENT = "metric_scale"
_HARMONIC = "f_rest_"

_SENTENCES = {
    Flaw.NOT_PLY: "“{path}” is not a PLY file. Restore it from a backup, or reconstruct again.",
    Flaw.HEADER: (
        "“{path}” has a damaged PLY header. Restore it from a backup, or reconstruct again."
    ),
    Flaw.FORMAT: ("“{path}” is not a binary little-endian PLY of Gaussian splats. Choose another."),
    Flaw.ELEMENTS: (
        "“{path}” does not begin with vertices: not a Gaussian splat file. Choose another."
    ),
    Flaw.TRUNCATED: "“{path}” is truncated. Restore it from a backup, or reconstruct again.",
}


def write_ply(path: Path, splats: Splats) -> None:
    """Write atomically.

    Raises:
        OutputError: the place cannot be written to.
    """
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(_header(splats).encode("ascii"))
        for first in range(0, len(splats), _PORTION):
            portion = splats.select(slice(first, first + _PORTION))
            columns = [values for _, values in _columns(portion)]
            file.write(np.column_stack(columns).astype("<f4").data)


def _header(splats: Splats) -> str:
    none = splats.select(slice(0, 0))
    properties = [name for names, _ in _columns(none) for name in names]
    lines = [
        "ply",
        f"format {BINARY} 1.0",
        "comment AnchorStage: metres, Z up, photo along +Y",
        f"comment {_SCALE_COMMENT} {METRIC_SCALE!r}",
        f"element vertex {len(splats)}",
        *(f"property float {name}" for name in properties),
        "end_header\n",
    ]
    return "\n".join(lines)


def _columns(splats: Splats) -> Iterator[tuple[Sequence[str], np.ndarray]]:
    """Yield the file's properties in order, each group of names with its values (N, names)."""
    for attribute in PLY_ORDER:
        values = getattr(splats, attribute.name)
        if values is None:
            continue
        names = attribute.ply_names
        if attribute.name == "sh":
            # All coefficients of red first, then those of green, then those of blue.
            values = values.transpose(0, 2, 1)
            names = names[: 3 * values.shape[2]]
        encoded = encode(attribute, values)
        yield names, encoded.reshape(len(splats), len(names))


def read_ply(path: Path, metric_scale: float | None = None) -> Splats:
    """Read a 3DGS PLY, ours or another program's.

    Another program's lacks confidence, regions and origin; they become 1, none and photographed.
    Harmonics are read where there are 9, 24 or 45 of them; another number is no whole band and is
    left out, with a warning in the log.

    Args:
        path: of the file.
        metric_scale: metres per unit of the file; None: as its header says, else 1.

    Raises:
        SplatError: missing, not such a PLY, truncated, or with values that are not numbers.
    """
    path = Path(path)
    data = _bytes_of(path)
    try:
        header = parse_header(data)
        scale_in_header = _metric_scale(header)
        rows = _vertices(data, header)
    except PlyError as error:
        raise SplatError(_SENTENCES[error.flaw].format(path=path)) from error
    check_properties(rows, path)
    _check_numbers(rows, path)

    # Positions and scales are lengths in the file's own unit.
    metres = np.float32(scale_in_header if metric_scale is None else metric_scale)
    return _decoded(rows, metres, _read_sh(rows, path))


def as_read(splats: Splats) -> Splats:
    """Return splats as `read_ply` gives them back after `write_ply`, without a file.

    Logits, logarithms and harmonics in single precision round most values; whoever keeps splats
    that were just written must not draw other pictures than whoever reads them.
    """
    groups = [(names, values) for names, values in _columns(splats) if names[0] in _READ]
    layout = [(name, np.float32) for names, _ in groups for name in names]
    rows = np.empty(len(splats), layout)
    for names, values in groups:
        for column, name in enumerate(names):
            rows[name] = values[:, column]
    return _decoded(rows, np.float32(METRIC_SCALE), splats.sh)


def _decoded(rows: np.ndarray, metres: np.float32, sh: np.ndarray | None) -> Splats:
    """Return vertices (N,) as splats, with lengths multiplied by the metres of a unit."""
    # What another program does not write gets its usual value.
    fields = {}
    for attribute in ATTRIBUTES:
        if attribute.kind != "field":
            continue
        if _has(rows, attribute.ply_names):
            fields[attribute.name] = read_attribute(rows, attribute)
        else:
            fields[attribute.name] = missing_attribute(len(rows), attribute)

    fields["positions"] = fields["positions"] * metres
    fields["scales"] = fields["scales"] * metres
    return Splats(**fields, sh=sh)


def _bytes_of(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise SplatError(
                f"“{path}” is no file of splats. Restore it from a backup, or reconstruct again."
            )
        return path.read_bytes()
    except OSError as error:
        raise SplatError(
            f"“{path}” cannot be read ({error.strerror})."
            " Restore it from a backup, or reconstruct again."
        ) from error


def _metric_scale(header: Header) -> float:
    """Return the metres per unit that a comment of the header gives, else 1."""
    scale = 1.0
    for words in header.comments:
        if words[:1] == [_SCALE_COMMENT]:
            scale = _positive(words[1:])
    return scale


def _positive(words: list[str]) -> float:
    """Read a positive, finite number from the first of some words."""
    try:
        value = float(words[0])
    except (IndexError, ValueError) as error:
        raise PlyError(Flaw.HEADER) from error
    if not 0 < value < np.inf:
        raise PlyError(Flaw.HEADER)
    return value


def _vertices(data: bytes, header: Header) -> np.ndarray:
    """Return the vertices (N,) as a structured array; they must be the first element."""
    if header.elements and header.elements[0].name != "vertex":
        raise PlyError(Flaw.ELEMENTS)
    vertex = header.elements[0] if header.elements else None
    names = [name for name, _ in vertex.fields] if vertex else []
    is_unique = len(set(names)) == len(names)
    if vertex is None or header.format != BINARY or not names or not is_unique:
        raise PlyError(Flaw.FORMAT)
    return element_rows(data, header.start, vertex)


def _check_numbers(rows: np.ndarray, path: Path) -> None:
    """Refuse values that are no numbers, or too large for single precision to compute with."""
    for name in rows.dtype.names or ():
        # A comparison with NaN is false, so that NaN is refused as well.
        is_number = np.abs(rows[name]) <= LARGEST
        if not is_number.all():
            raise SplatError(
                f"“{path}” holds values that are not numbers."
                " Restore it from a backup, or reconstruct again."
            )


def _has(rows: np.ndarray, names: Sequence[str]) -> bool:
    return set(names) <= set(rows.dtype.names or ())


def _read_sh(rows: np.ndarray, path: Path) -> np.ndarray | None:
    """Read the harmonics of bands 1 and above, (N, K, 3); None where the file has no whole band."""
    present = [name for name in rows.dtype.names or () if name.startswith(_HARMONIC)]
    if not present:
        return None
    count = len(present) // 3
    expected = BY_NAME["sh"].ply_names[: 3 * count]
    if count not in SH_COUNTS or set(present) != set(expected):
        _log.warning(
            "%s has %d harmonics a splat, which are no whole bands:"
            " colours are the same from everywhere",
            path,
            len(present),
        )
        return None
    # The file has all coefficients of red, then of green, then of blue.
    sh = np.empty((len(rows), count, 3), np.float32)
    for i, name in enumerate(expected):
        channel = i // count
        sh[:, i % count, channel] = rows[name]
    return sh
