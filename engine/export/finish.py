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
from ..tables.passes import layers
from .exr_header import PREFIX, header
from .metadata import frame_facts, scene_facts

# Blender's pass to the contract's layer; a direct render calls the beauty Combined, the File Output
# node calls it Image.
_LAYERS = {layer.blender: layer for layer in layers()}
_LAYERS["Image"] = _LAYERS["Combined"]
_REGION = re.compile(r"region_\w+$")
_MASK = "A"  # the only channel of a region's mask
_SCALAR = "VXZA"  # each may be Blender's name for the only channel of a pass

# Attributes that would make two renders of the same frame differ, or no longer hold for the
# renamed layers.
_DROPPED = {
    "Date",
    "Time",
    "RenderTime",
    "Memory",
    "Hostname",
    "BlenderMultiChannel",
    "multiView",
}


def contract_name(layer: str, component: str) -> str | None:
    """Return the contract's name for a channel of one of Blender's passes; None for others."""
    if _REGION.match(layer):
        name, components = layer, _MASK
    elif layer in _LAYERS:
        name, components = _LAYERS[layer].name, _LAYERS[layer].components
    else:
        return None
    # Blender has several names for the only channel of a pass.
    if len(components) == 1 and component in _SCALAR:
        component = components
    if component not in components:
        return None
    return f"{name}.{component}" if name else component


def rename(names: Iterable[str]) -> dict[str, str]:
    """Map each channel's name to the contract's.

    `Depth.V` (File Output node) and `ViewLayer.Depth.Z` (direct render) become `depth.Z`. Of
    several view layers the first has the contract's names; a name that is taken is never given
    twice.
    """
    names = list(names)
    taken = {name for name in names if _rename_one(name) is None}
    renamed = {}
    for name in sorted(names, key=lambda name: (name.count("."), name)):
        ours = _rename_one(name)
        renamed[name] = name if ours is None or ours in taken else ours
        taken.add(renamed[name])
    return {name: renamed[name] for name in names}


def _rename_one(name: str) -> str | None:
    parts = name.split(".")
    if len(parts) < 2 or "Composite" in parts[:-2]:
        return None
    return contract_name(parts[-2], parts[-1])


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
    kept = {
        name: value
        for name, value in attributes.items()
        if name not in _DROPPED and not name.startswith(PREFIX)
    }
    shape = next(iter(channels.values())).shape
    windows = _windows(source, attributes, shape, view)
    renamed = {names[name]: plane for name, plane in channels.items()}
    facts = frame_facts(scene, view, renamed)
    ours = header(view, camera, frame, fps, scene_facts(scene) | facts)
    write_exr(destination, renamed, kept | windows | ours)
    return {"path": str(destination), "channels": sorted(renamed), **facts}


def _windows(
    source: Path, attributes: Mapping[str, Any], shape: tuple[int, ...], view: View
) -> dict[str, Any]:
    """Return the windows of the file.

    The display window is the whole picture; the pixels may be a part of it (a render border).
    """
    low, high = (np.asarray(corner) for corner in attributes["dataWindow"])
    size = (view.width, view.height)
    is_inside = (low >= 0).all() and (high < size).all()
    if not is_inside or tuple(high - low + 1) != shape[::-1]:
        raise ExportError(
            f"“{source}” is {shape[1]}x{shape[0]} and the camera's picture {size[0]}x{size[1]}. "
            "Set the compositor's output to the render's size, then render again."
        )
    last = np.array([size[0] - 1, size[1] - 1], np.int32)
    return {
        "displayWindow": (np.zeros(2, np.int32), last),
        "dataWindow": (low.astype(np.int32), high.astype(np.int32)),
    }
