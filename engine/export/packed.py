"""A frame as raw float32 planes in one file: how the worker hands a render to Blender's render engine."""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..render.record import ProxyRender
from ..store import writing
from .contract import exr_depth

Plane = tuple[str, np.ndarray]
Layout = list[tuple[str, int, int]]


def frame_planes(render: ProxyRender) -> list[Plane]:
    """The passes of Blender's render layer, in the order they are written.

    Returns:
        Names and (H, W, C) float32 arrays, row 0 at the top: `Combined` 4 (scene-linear, premultiplied), `Depth` 1
        (1e10 for nothing), `Normal` 3, `Position` 3, `Confidence`, `Void`, `Origin` and `RegionIndex` 1 each.
    """
    passes = {
        "Combined": render.linear(),
        "Depth": exr_depth(render.depth),
        "Normal": render.normal,
        "Position": render.position,
        "Confidence": render.confidence,
        "Void": render.void,
        "Origin": render.origin,
        "RegionIndex": render.region,
    }
    height, width = render.alpha.shape
    return [
        (name, np.ascontiguousarray(plane, np.float32).reshape(height, width, -1))
        for name, plane in passes.items()
    ]


def write_planes(path: Path, planes: Iterable[Plane]) -> Layout:
    """Write planes one after the other, native float32; the reader deletes the file.

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
        file.flush()
        os.fstat(file.fileno())
    return layout
