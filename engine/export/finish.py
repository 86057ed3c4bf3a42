"""Finishing: an EXR that Blender wrote gets the contract's channel names and the camera's header.

Pixels are copied bit by bit. Layers the artist added keep their names. Finishing twice is the same
as once.
"""

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..camera import Camera, View
from ..errors import ExportError
from ..exr import read_exr, write_exr
from ..scene import Scene
from ..tables.passes import REGION_PREFIX, layers, region_layer
from .exr_header import PREFIX, header
from .metadata import frame_facts, scene_facts

# Blender's pass to the contract's layer.
_LAYERS = {layer.blender: layer for layer in layers()}
# A direct render calls the beauty Combined, the File Output node calls it Image.
_LAYERS["Image"] = _LAYERS["Combined"]
_REGION = re.compile(REGION_PREFIX + r"\w+$")
# Blender's names for the only channel of a pass.
_SCALAR = "VXZA"

# Attributes that would make two renders of the same frame differ, and those that no longer hold for
# the renamed layers.
_DROPPED = {"Date", "Time", "RenderTime", "Memory", "Hostname", "BlenderMultiChannel", "multiView"}


def contract_name(layer: str, component: str) -> str | None:
    """Return the contract's name for a channel of one of Blender's passes; None for others'."""
    if _REGION.match(layer):
        ours = region_layer(layer)
    elif layer in _LAYERS:
        ours = _LAYERS[layer]
    else:
        return None
    if ours.channels == 1 and component in _SCALAR:
        return ours.channel_name(ours.components)
    if component in ours.components:
        return ours.channel_name(component)
    return None


def rename(names: Iterable[str]) -> dict[str, str]:
    """Return each channel's name to the name that it shall have.

    `Depth.V` (File Output node) and `ViewLayer.Depth.Z` (direct render) become `depth.Z`. Of
    several view layers the first has the contract's names; a name that is taken is never given
    twice.
    """
    names = list(names)
    ours = {name: _rename_one(name) for name in names}
    taken = {name for name in names if ours[name] is None}
    renamed = {}
    # Names of fewer parts first: those of the File Output node.
    for name in sorted(names, key=_parts_and_name):
        wanted = ours[name]
        if wanted is None or wanted in taken:
            wanted = name
        renamed[name] = wanted
        taken.add(wanted)
    return {name: renamed[name] for name in names}


def _parts_and_name(name: str) -> tuple[int, str]:
    return name.count("."), name


def _rename_one(name: str) -> str | None:
    """Return the contract's name for a channel; None where it keeps its own."""
    parts = name.split(".")
    if len(parts) < 2 or "Composite" in parts[:-2]:
        return None
    *_, layer, component = parts
    return contract_name(layer, component)


def finish(
    source: Path,
    destination: Path,
    scene: Scene,
    view: View,
    camera: Camera | None = None,
    frame: int = 1,
    fps: float | Fraction = 24,
) -> dict[str, Any]:
    """Rewrite a frame that Blender wrote.

    `destination` may be `source`, which is then replaced whole.

    Args:
        source: a multi-layer EXR of the File Output node or of a direct render, or one already
            finished.
        destination: the finished file.
        scene: what the frame shows; the header names it.
        view: the pinhole of the full picture.
        camera: as for `header`.
        frame: the frame's number.
        fps: frames a second.

    Returns:
        `path`, `channels` (the names now in the file), and `void_coverage` and `confidence` where
        it has the passes.

    Raises:
        ExportError: the source is missing or damaged, or no picture of this view.
        OutputError: the destination cannot be written; the source is as it was.
    """
    channels, attributes = read_exr(source)
    names = rename(channels)
    renamed = {names[name]: plane for name, plane in channels.items()}

    # Blender's attributes stay, but for those that are not true of the finished file.
    kept = {}
    for name, value in attributes.items():
        if name not in _DROPPED and not name.startswith(PREFIX):
            kept[name] = value
    any_plane = next(iter(channels.values()))
    kept |= _windows(source, attributes, any_plane.shape, view)

    facts = frame_facts(scene, view, renamed)
    metadata = scene_facts(scene) | facts
    kept |= header(view, camera, frame, fps, metadata)
    write_exr(destination, renamed, kept)
    return {
        "path": str(destination),
        "channels": sorted(renamed),
        **facts,
    }


def _windows(
    source: Path, attributes: Mapping[str, Any], shape: tuple[int, ...], view: View
) -> dict[str, Any]:
    """Return the file's windows.

    The display window is the whole picture; the pixels may be a part of it (a render border).

    Raises:
        ExportError: the pixels do not lie in the picture of the view.
    """
    low, high = map(np.asarray, attributes["dataWindow"])
    height, width = shape
    picture = (view.width, view.height)
    lies_outside = (low < 0).any() or (high >= picture).any()
    is_another = tuple(high - low + 1) != (width, height)
    if lies_outside or is_another:
        raise ExportError(
            f"“{source}” is {width}x{height} and the camera's picture {view.width}x{view.height}. "
            "Set the compositor's output to the render's size, then render again."
        )
    first_pixel = np.zeros(2, np.int32)
    last_pixel = np.array([view.width - 1, view.height - 1], np.int32)
    return {
        "displayWindow": (first_pixel, last_pixel),
        "dataWindow": (
            low.astype(np.int32),
            high.astype(np.int32),
        ),
    }
