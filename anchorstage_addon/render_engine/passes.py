"""The passes of a frame in Blender: their registration, and their pixels from the engine's.

Names, channels and kinds stand in `engine.tables.passes`.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import bpy
import numpy as np

from ...engine.tables import passes as table
from .. import convert

# The engine gives one pass of indices, from which the mask of each region is made.
_REGION_INDEX = next(one.blender for one in table.PASSES if one.name == "region")


class Pass(NamedTuple):
    """One pass, in the words of `RenderEngine.register_pass`."""

    name: str
    channels: int
    components: str
    kind: str


def _pass_of(layer: table.Layer) -> Pass:
    return Pass(layer.blender, layer.channels, layer.blender_components, layer.kind)


COMBINED, *_DATA = [_pass_of(layer) for layer in table.layers()]


def region_passes(scene: bpy.types.Scene) -> list[Pass]:
    """Return the mask of each region, in the order of the engine's region indices."""
    ids = [region.name for region in scene.anchorstage.regions]
    return [Pass(name, 1, "X", "VALUE") for name in table.region_layers(ids)]


def data_passes(scene: bpy.types.Scene) -> list[Pass]:
    """Return every pass but the beauty."""
    return [*_DATA, *region_passes(scene)]


def read_planes(answer: Mapping[str, Any], width: int, height: int) -> dict[str, np.ndarray]:
    """Read what the job `frame` gave.

    Returns:
        Pass names to (H, W, C) float32, row 0 at the top.
    """
    floats = answer["blobs"]["passes"].read(np.float32)
    pixels = width * height
    planes = {}
    for name, channels, offset in answer["layout"]:
        plane = floats[offset : offset + pixels * channels]
        planes[name] = plane.reshape(height, width, channels)
    return planes


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
