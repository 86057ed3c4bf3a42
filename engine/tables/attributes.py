"""The attributes of a splat (field, shape, type, unit, PLY encoding) and the overlay's columns.

This is the one place where they stand. The record, the formats, the kernels and the overlay read
it; to add an attribute, add a row, and the code that gives it a value.
"""

from typing import Literal, NamedTuple

# A field of every `Splats`, a field that may be None, or a property computed from fields.
Kind = Literal["field", "optional", "derived"]
# The number in a PLY: the value itself, its logit, its natural logarithm, or the coefficient of
# the constant spherical harmonic, (value - 0.5) / SH_DEGREE_0.
Encoding = Literal["plain", "logit", "log", "sh0"]

# Coefficients of a colour channel in harmonics of bands 1, 1 to 2 and 1 to 3: (degree + 1)² - 1.
SH_COUNTS = (3, 8, 15)


class Attribute(NamedTuple):
    """One attribute of a splat."""

    name: str  # field or property of `Splats`
    kind: Kind
    row_shape: tuple[int, ...]  # of one splat, () for a number; of `sh` the largest
    dtype: str  # NumPy's name of the type in memory
    unit: str
    ply_names: tuple[str, ...]  # properties of our PLY, each a float32
    ply_encoding: Encoding
    missing: float | None  # the value where a file lacks it; None: there is none

    @property
    def required(self) -> bool:
        """True where a file without this attribute is no file of splats."""
        return self.kind == "field" and self.missing is None


# In the order of the fields of `Splats`.
ATTRIBUTES = (
    Attribute(
        name="positions",
        kind="field",
        row_shape=(3,),
        dtype="float32",
        unit="metres, world",
        ply_names=("x", "y", "z"),
        ply_encoding="plain",
        missing=None,
    ),
    Attribute(
        name="scales",
        kind="field",
        row_shape=(3,),
        dtype="float32",
        unit="metres, standard deviations along the splat's own axes",
        ply_names=("scale_0", "scale_1", "scale_2"),
        ply_encoding="log",
        missing=None,
    ),
    Attribute(
        name="rotations",
        kind="field",
        row_shape=(4,),
        dtype="float32",
        unit="unit quaternion w x y z, world from splat",
        ply_names=("rot_0", "rot_1", "rot_2", "rot_3"),
        ply_encoding="plain",
        missing=None,
    ),
    Attribute(
        name="opacities",
        kind="field",
        row_shape=(),
        dtype="float32",
        unit="0 to 1",
        ply_names=("opacity",),
        ply_encoding="logit",
        missing=None,
    ),
    Attribute(
        name="colors",
        kind="field",
        row_shape=(3,),
        dtype="float32",
        unit="sRGB-encoded, above 1 for HDR photos",
        ply_names=("f_dc_0", "f_dc_1", "f_dc_2"),
        ply_encoding="sh0",
        missing=None,
    ),
    Attribute(
        name="confidence",
        kind="field",
        row_shape=(),
        dtype="float32",
        unit="0 to 1",
        ply_names=("confidence",),
        ply_encoding="plain",
        missing=1,
    ),
    Attribute(
        name="region",
        kind="field",
        row_shape=(),
        dtype="int32",
        unit="index into the scene's regions, -1 for none",
        ply_names=("region",),
        ply_encoding="plain",
        missing=-1,
    ),
    Attribute(
        name="origin",
        kind="field",
        row_shape=(),
        dtype="uint8",
        unit="0 to 4, see splats/record.py",
        ply_names=("origin",),
        ply_encoding="plain",
        missing=0,
    ),
    # A row is coefficients by channels; a PLY has all coefficients of red, then of green, then of
    # blue. Harmonics of fewer bands have the first of these names.
    Attribute(
        name="sh",
        kind="optional",
        row_shape=(SH_COUNTS[-1], 3),
        dtype="float32",
        unit="sRGB-encoded, spherical harmonics of bands 1 to 3",
        ply_names=tuple(f"f_rest_{i}" for i in range(3 * SH_COUNTS[-1])),
        ply_encoding="plain",
        missing=None,
    ),
    # Written for other programs, never read.
    Attribute(
        name="normals",
        kind="derived",
        row_shape=(3,),
        dtype="float32",
        unit="unit vector, world, either way",
        ply_names=("nx", "ny", "nz"),
        ply_encoding="plain",
        missing=None,
    ),
)

BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}


def _named(*names: str) -> tuple[Attribute, ...]:
    return tuple(BY_NAME[name] for name in names)


# What the kernels' `prepare` reads, in the order of its arguments.
PREPARED = _named("positions", "scales", "rotations", "opacities", "colors", "confidence")

# What the kernels blend, in the order of `Scene` in rasterise.h.
BLENDED = _named("colors", "normals", "positions", "confidence", "region", "origin")

PREPARED_NAMES = tuple(one.name for one in PREPARED)
BLENDED_NAMES = tuple(one.name for one in BLENDED)

# In the order of the properties of our PLY.
PLY_ORDER = _named(
    "positions",
    "normals",
    "colors",
    "sh",
    "opacities",
    "scales",
    "rotations",
    "confidence",
    "region",
    "origin",
)


class OverlayColumns(NamedTuple):
    """Neighbouring columns of the overlay's rows."""

    name: str  # field of `Splats`, or "covariance"
    columns: tuple[str, ...]


# In the order of the columns, each a float32. The covariance is in square metres, world.
OVERLAY_COLUMNS = (
    OverlayColumns("positions", ("x", "y", "z")),
    OverlayColumns("opacities", ("opacity",)),
    OverlayColumns("covariance", ("xx", "xy", "xz", "yy", "yz", "zz")),
    OverlayColumns("region", ("region",)),
    OverlayColumns("confidence", ("confidence",)),
    OverlayColumns("colors", ("r", "g", "b")),
    OverlayColumns("origin", ("origin",)),
)

OVERLAY_WIDTH = sum(len(group.columns) for group in OVERLAY_COLUMNS)


def overlay_slice(name: str) -> slice:
    """Return the columns of one group of OVERLAY_COLUMNS."""
    first = 0
    for group in OVERLAY_COLUMNS:
        end = first + len(group.columns)
        if group.name == name:
            return slice(first, end)
        first = end
    raise KeyError(name)
