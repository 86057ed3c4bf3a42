"""The passes of a frame: what is registered with Blender, and how they are filled from the engine's planes."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import bpy
import numpy as np

from .. import convert

_REGION_INDEX = "RegionIndex"
_LONGEST_NAME = 40  # Blender keeps 63 bytes of a pass name; a view layer's name may come before it


class Pass(NamedTuple):
    """One pass, in the words of `RenderEngine.register_pass`."""

    name: str
    channels: int
    components: str
    kind: str


COMBINED = Pass("Combined", 4, "RGBA", "COLOR")
_DATA = (
    Pass("Depth", 1, "Z", "VALUE"),
    Pass("Normal", 3, "XYZ", "VECTOR"),
    Pass("Position", 3, "XYZ", "VECTOR"),
    Pass("Confidence", 1, "X", "VALUE"),
    Pass("Void", 1, "X", "VALUE"),
    Pass("Origin", 1, "X", "VALUE"),
)


def region_passes(scene: bpy.types.Scene) -> list[Pass]:
    """One mask a region, in the order of the engine's region indices."""
    passes: list[Pass] = []
    for region in scene.anchorstage.regions:
        name = ("region_" + re.sub(r"[^A-Za-z0-9_]", "_", region.name))[:_LONGEST_NAME]
        unique, number = name, 2
        while unique in [one.name for one in passes]:
            unique, number = f"{name}_{number}", number + 1
        passes.append(Pass(unique, 1, "X", "VALUE"))
    return passes


def data_passes(scene: bpy.types.Scene) -> list[Pass]:
    """Every pass but the beauty."""
    return [*_DATA, *region_passes(scene)]


def read_planes(
    path: Path, answer: Mapping[str, Any], width: int, height: int
) -> dict[str, np.ndarray]:
    """What the job `frame` wrote: names to (H, W, C) float32, row 0 at the top."""
    floats = np.fromfile(path, np.float32)
    size = width * height
    return {
        name: floats[offset : offset + size * channels].reshape(height, width, channels)
        for name, channels, offset in answer["layout"]
    }


def fill(
    layer: bpy.types.RenderLayer, planes: Mapping[str, np.ndarray], regions: list[Pass]
) -> None:
    """Give a render layer its pixels; passes that are not ours stay as Blender made them."""
    index = {one.name: number for number, one in enumerate(regions)}
    for render_pass in layer.passes:
        if render_pass.name in planes:
            plane = planes[render_pass.name]
        elif render_pass.name in index:
            plane = planes[_REGION_INDEX] == index[render_pass.name]
        else:
            continue
        render_pass.rect.foreach_set(convert.bottom_up(plane))
