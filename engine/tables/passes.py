"""The passes of a frame: channels, type, blending, names in EXR and Blender, unit.

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
    layer: str | None  # EXR layer, "" for the main one; None where the EXR has no such layer
    components: str  # EXR channels in that layer, a letter each
    unit: str
    blender: str  # Blender's pass
    blender_components: str  # Blender's names of its channels, a letter each
    kind: Kind

    @property
    def shape(self) -> tuple[int, ...]:
        """Axes behind height and width: none for a number a pixel."""
        return (self.channels,) if self.channels > 1 else ()


INFINITY = float("inf")

# In the order of the EXR contract.
PASSES = (
    Pass(
        name="color",
        channels=3,
        dtype="float32",
        blending="sum",
        nothing=0,
        extra=False,
        layer="",
        components="RGB",
        unit="scene-linear Rec.709, premultiplied",
        blender="Combined",
        blender_components="RGB",
        kind="COLOR",
    ),
    Pass(
        name="alpha",
        channels=1,
        dtype="float32",
        blending="sum",
        nothing=0,
        extra=False,
        layer="",
        components="A",
        unit="0 to 1",
        blender="Combined",
        blender_components="A",
        kind="COLOR",
    ),
    Pass(
        name="depth",
        channels=1,
        dtype="float32",
        blending="sum",
        nothing=INFINITY,
        extra=False,
        layer="depth",
        components="Z",
        unit="metres",
        blender="Depth",
        blender_components="Z",
        kind="VALUE",
    ),
    Pass(
        name="normal",
        channels=3,
        dtype="float32",
        blending="sum",
        nothing=0,
        extra=True,
        layer="normal",
        components="XYZ",
        unit="unit vector, world",
        blender="Normal",
        blender_components="XYZ",
        kind="VECTOR",
    ),
    Pass(
        name="position",
        channels=3,
        dtype="float32",
        blending="derived",
        nothing=0,
        extra=True,
        layer="position",
        components="XYZ",
        unit="metres, world",
        blender="Position",
        blender_components="XYZ",
        kind="VECTOR",
    ),
    Pass(
        name="confidence",
        channels=1,
        dtype="float32",
        blending="sum",
        nothing=0,
        extra=True,
        layer="confidence",
        components="A",
        unit="0 to 1",
        blender="Confidence",
        blender_components="X",
        kind="VALUE",
    ),
    Pass(
        name="void",
        channels=1,
        dtype="bool",
        blending="derived",
        nothing=1,
        extra=False,
        layer="void",
        components="A",
        unit="0 or 1",
        blender="Void",
        blender_components="X",
        kind="VALUE",
    ),
    Pass(
        name="origin",
        channels=1,
        dtype="int8",
        blending="heaviest",
        nothing=-1,
        extra=True,
        layer="origin",
        components="A",
        unit="0 to 4, -1 for nothing",
        blender="Origin",
        blender_components="X",
        kind="VALUE",
    ),
    # The EXR has a mask for each region instead: `region_layers`.
    Pass(
        name="region",
        channels=1,
        dtype="int32",
        blending="heaviest",
        nothing=-1,
        extra=True,
        layer=None,
        components="",
        unit="index, -1 for none",
        blender="RegionIndex",
        blender_components="X",
        kind="VALUE",
    ),
)

BY_NAME = {each.name: each for each in PASSES}


def _named(*names: str) -> tuple[Pass, ...]:
    return tuple(BY_NAME[name] for name in names)


# The passes that the kernels write, in the order of `Passes` in rasterise.h.
DRAWN = _named("color", "alpha", "depth", "normal", "confidence", "region", "origin")

# The channels that Blender's render engine gets, those of regions included as one.
BLENDER_CHANNELS = sum(each.channels for each in PASSES)

REGION_PREFIX = "region_"  # of the layer of each region
# Blender keeps 63 characters of a pass name; this leaves room for a view layer's name before it.
_LONGEST_LAYER = 40
_MASK = "A"  # the only channel of a region's layer


class Layer(NamedTuple):
    """Passes that share a layer of the EXR and a pass of Blender."""

    name: str  # EXR layer, "" for the main one
    components: str  # EXR channels, a letter each
    blender: str  # Blender's pass
    blender_components: str  # Blender's names of its channels, a letter each
    kind: Kind
    passes: tuple[str, ...]  # names of its passes, in the order of the channels

    @property
    def channels(self) -> int:
        """Number of the layer's channels."""
        return len(self.components)

    def channel_names(self) -> list[str]:
        """Return the EXR's names of its channels, `depth.Z`; the main layer's are bare letters."""
        return [self.channel_name(component) for component in self.components]

    def channel_name(self, component: str) -> str:
        """Return the EXR's name of one of its channels."""
        return f"{self.name}.{component}" if self.name else component


def layers() -> list[Layer]:
    """Return every layer that all frames have, in the order of the EXR contract, the main first."""
    by_name: dict[str, Layer] = {}
    for each in PASSES:
        if each.layer is None:
            continue
        layer = by_name.get(
            each.layer,
            Layer(each.layer, "", each.blender, "", each.kind, ()),
        )
        # Passes of one layer are put one after the other: RGB, then A.
        by_name[each.layer] = layer._replace(
            components=layer.components + each.components,
            blender_components=layer.blender_components + each.blender_components,
            passes=(*layer.passes, each.name),
        )
    return list(by_name.values())


def region_layers(region_ids: Sequence[str]) -> list[str]:
    """Name the layer of each region, `region_<id>`, in the same order.

    Blender's passes have the same names. Nuke splits names at dots and turns what is neither
    letter, digit nor `_` into `_`; so do we, beforehand. Two ids that become the same get `_2`,
    `_3`, ….
    """
    names: list[str] = []
    for region_id in region_ids:
        tame_id = re.sub(r"[^A-Za-z0-9_]", "_", region_id)
        name = (REGION_PREFIX + tame_id)[:_LONGEST_LAYER]
        candidate = name
        number = 2
        while candidate in names:
            candidate = f"{name}_{number}"
            number += 1
        names.append(candidate)
    return names


def region_layer(name: str) -> Layer:
    """Return the layer of a region, which is a mask."""
    return Layer(name, _MASK, name, "X", "VALUE", ())


def region_channels(region_ids: Sequence[str]) -> list[str]:
    """Name the mask of each region in the EXR, `region_<id>.A`."""
    names = region_layers(region_ids)
    return [region_layer(name).channel_name(_MASK) for name in names]
