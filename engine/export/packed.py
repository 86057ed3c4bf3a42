"""A frame as raw float32 planes in one file: the form in which Blender's render engine gets it."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..render.record import ProxyRender
from ..store import writing
from ..tables.passes import PASSES, layers
from .contract import layer_pictures

Plane = tuple[str, np.ndarray]
Layout = list[tuple[str, int, int]]


def frame_planes(render: ProxyRender) -> list[Plane]:
    """Return the passes of Blender's render layer, in the order they are written.

    Returns:
        Blender's names and (H, W, C) float32 arrays, row 0 at the top: the layers of the EXR
        contract, and the regions' indices, from which Blender's side makes each region's mask.
    """
    pictures = layer_pictures(render)
    passes = {layer.blender: pictures[layer.name] for layer in layers()}
    # What is no layer of the EXR is handed over as it is.
    passes |= {one.blender: getattr(render, one.name) for one in PASSES if one.layer is None}
    height, width = render.alpha.shape
    planes = []
    for name, picture in passes.items():
        plane = np.ascontiguousarray(picture, np.float32)
        planes.append((name, plane.reshape(height, width, -1)))
    return planes


def write_planes(path: Path, planes: Iterable[Plane]) -> Layout:
    """Write planes one after the other, native float32.

    Returns:
        Name, channels and offset in floats of each plane.

    Raises:
        OutputError: the file cannot be written.
    """
    layout: Layout = []
    offset = 0
    with writing(Path(path)), open(path, "wb") as file:
        for name, plane in planes:
            file.write(np.ascontiguousarray(plane, np.float32).data)
            layout.append((name, plane.shape[2], offset))
            offset += plane.size
    return layout
