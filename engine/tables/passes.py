"""The passes of a frame: their names, channels, types, blending, EXR names, units, Blender slots.

This is the one place where they stand. Kernels, their twins, CUDA, levels of detail, export and
add-on read it; to add a pass, add a row, and the kernel that draws it.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

# How a pixel's value comes from the splats that cover it: their weighted sum, the value of the one
# that covers most, or from other passes.
Blending = Literal["sum", "heaviest", "derived"]
# Blender's words for what a pass holds.
Kind = Literal["COLOR", "VALUE", "VECTOR"]


class Pass(NamedTuple):
    """One pass."""

    name: str  # field or property of `ProxyRender`
    channels: int
    dtype: str  # NumPy's name of the type in memory
    blending: Blending
    nothing: float  # the value where there is nothing
    extra: bool  # left empty where colour, depth and alpha alone are asked for
    layer: (
        str | None
    )  # EXR layer, "" for the main one; None: not in the EXR under a name of its own
    components: str  # EXR channels in that layer, a letter each
    unit: str
    blender: str  # Blender's pass
    blender_components: str  # what Blender calls its channels
    kind: Kind


INFINITY = float("inf")

# In the order of the EXR contract.
PASSES = (
    Pass(
        "color",
        3,
        "float32",
        "sum",
        0,
        False,
        "",
        "RGB",
        "scene-linear Rec.709, premultiplied",
        "Combined",
        "RGB",
        "COLOR",
    ),
    Pass("alpha", 1, "float32", "sum", 0, False, "", "A", "0 to 1", "Combined", "A", "COLOR"),
    Pass(
        "depth", 1, "float32", "sum", INFINITY, False, "depth", "Z", "metres", "Depth", "Z", "VALUE"
    ),
    Pass(
        "normal",
        3,
        "float32",
        "sum",
        0,
        True,
        "normal",
        "XYZ",
        "unit vector, world",
        "Normal",
        "XYZ",
        "VECTOR",
    ),
    Pass(
        "position",
        3,
        "float32",
        "derived",
        0,
        True,
        "position",
        "XYZ",
        "metres, world",
        "Position",
        "XYZ",
        "VECTOR",
    ),
    Pass(
        "confidence",
        1,
        "float32",
        "sum",
        0,
        True,
        "confidence",
        "A",
        "0 to 1",
        "Confidence",
        "X",
        "VALUE",
    ),
    Pass("void", 1, "bool", "derived", 1, False, "void", "A", "0 or 1", "Void", "X", "VALUE"),
    Pass(
        "origin",
        1,
        "int8",
        "heaviest",
        -1,
        True,
        "origin",
        "A",
        "0 to 4, -1 for nothing",
        "Origin",
        "X",
        "VALUE",
    ),
    Pass(
        "region",
        1,
        "int32",
        "heaviest",
        -1,
        True,
        None,
        "",
        "index, -1 for none",
        "RegionIndex",
        "X",
        "VALUE",
    ),
)

# What the kernels write, in the order of `Passes` in rasterise.h.
DRAWN = tuple(
    next(one for one in PASSES if one.name == name)
    for name in ("color", "alpha", "depth", "normal", "confidence", "region", "origin")
)

# Those that are left empty where colour, depth and alpha alone are asked for.
EXTRAS = tuple(one.name for one in DRAWN if one.extra)

_REGION = "region_"
# Blender keeps 63 characters of a pass name; this leaves room for a view layer's name before it.
_LONGEST_LAYER = 40


class Layer(NamedTuple):
    """Passes that share a layer of the EXR and a pass of Blender."""

    name: str  # EXR layer, "" for the main one
    components: str  # EXR channels, a letter each
    blender: str  # Blender's pass
    blender_components: str
    kind: Kind

    @property
    def channels(self) -> int:
        """The number of channels."""
        return len(self.components)

    def channel_names(self) -> list[str]:
        """The EXR's names of its channels, `depth.Z`; those of the main layer are bare letters."""
        prefix = f"{self.name}." if self.name else ""
        return [prefix + component for component in self.components]


def layers() -> list[Layer]:
    """List the layers that all frames have, in the order of the EXR contract."""
    found: dict[str, Layer] = {}
    for one in PASSES:
        if one.layer is None:
            continue
        if one.layer in found:
            before = found[one.layer]
            components = before.components + one.components
            blender_components = before.blender_components + one.blender_components
            found[one.layer] = before._replace(
                components=components, blender_components=blender_components
            )
        else:
            found[one.layer] = Layer(
                one.layer, one.components, one.blender, one.blender_components, one.kind
            )
    return list(found.values())


def region_layers(region_ids: Sequence[str]) -> list[str]:
    """Name the layer of each region, `region_<id>`, in the same order.

    Blender's passes have the same names.

    Nuke splits names at dots and turns what is neither letter, digit nor `_` into `_`; so do we,
    beforehand. Two ids that become the same get `_2`, `_3`, ….
    """
    names: list[str] = []
    for region_id in region_ids:
        name = (_REGION + re.sub(r"[^A-Za-z0-9_]", "_", region_id))[:_LONGEST_LAYER]
        candidate, number = name, 2
        while candidate in names:
            candidate, number = f"{name}_{number}", number + 1
        names.append(candidate)
    return names
