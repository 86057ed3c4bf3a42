"""Finishing: a multi-layer EXR that Blender wrote gets the contract's channel names and the camera's header.

Pixels are copied bit by bit. Layers the artist added keep their names. Finishing twice is the same as once.
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
from .exr_header import PREFIX, header
from .metadata import frame_facts, scene_facts

# Blender's pass to the contract's layer; the File Output node calls the beauty Image, a direct render Combined.
_LAYERS = {
    "Image": "",
    "Combined": "",
    "Depth": "depth",
    "Normal": "normal",
    "Position": "position",
}
_LAYERS |= {"Confidence": "confidence", "Void": "void", "Origin": "origin"}
_COMPONENTS = {
    "": "RGBA",
    "depth": "Z",
    "normal": "XYZ",
    "position": "XYZ",
}  # every other layer has A alone
_REGION = re.compile(r"region_\w+$")
_SCALAR = "VXZA"  # how Blender may call the only channel of a pass

# What would make two renders of the same frame differ, and what no longer holds for the renamed layers.
_DROPPED = {"Date", "Time", "RenderTime", "Memory", "Hostname", "BlenderMultiChannel", "multiView"}


def contract_name(layer: str, component: str) -> str | None:
    """The contract's name for a channel of one of Blender's passes; None where it is none of ours."""
    ours = layer if _REGION.match(layer) else _LAYERS.get(layer)
    if ours is None:
        return None
    components = _COMPONENTS.get(ours, "A")
    if len(components) == 1 and component in _SCALAR:
        component = components
    if component not in components:
        return None
    return f"{ours}.{component}" if ours else component


def rename(names: Iterable[str]) -> dict[str, str]:
    """Each channel's name to what it shall be called.

    `Depth.V` (File Output node) and `ViewLayer.Depth.Z` (direct render) become `depth.Z`. Of several view layers the
    first has the contract's names; a name that is taken is never given twice.
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
    """Rewrite a frame that Blender wrote; `destination` may be `source`, which is then replaced whole.

    Args:
        source: a multi-layer EXR of the File Output node or of a direct render, or one already finished.
        destination: the finished file.
        scene: what the frame shows; the header names it.
        view: the pinhole of the full picture.
        camera: as for `header`.
        frame: the frame's number.
        fps: frames a second.

    Returns:
        `path`, `channels` (the names now in the file), and `void_coverage` and `confidence` where it has the passes.

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
    kept |= _windows(source, attributes, next(iter(channels.values())).shape, view)
    renamed = {names[name]: plane for name, plane in channels.items()}
    facts = frame_facts(scene, view, renamed)
    write_exr(
        destination, renamed, kept | header(view, camera, frame, fps, scene_facts(scene) | facts)
    )
    return {"path": str(destination), "channels": sorted(renamed), **facts}


def _windows(
    source: Path, attributes: Mapping[str, Any], shape: tuple[int, ...], view: View
) -> dict[str, Any]:
    """The display window is the whole picture; the pixels may be a part of it (a render border)."""
    low, high = (np.asarray(corner) for corner in attributes["dataWindow"])
    size = (view.width, view.height)
    if (low < 0).any() or (high >= size).any() or tuple(high - low + 1) != shape[::-1]:
        raise ExportError(
            f"“{source}” is {shape[1]}x{shape[0]} and the camera's picture {size[0]}x{size[1]}. "
            "Set the compositor's output to the render's size, then render again."
        )
    corners = (np.zeros(2, np.int32), np.array([size[0] - 1, size[1] - 1], np.int32))
    return {"displayWindow": corners, "dataWindow": (low.astype(np.int32), high.astype(np.int32))}
