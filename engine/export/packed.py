"""A frame as raw float32 in one file: so the worker hands a render to Blender's render engine."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ..render.record import ProxyRender
from ..store import writing
from ..tables.passes import BY_NAME, layers
from .contract import layer_values

Plane = tuple[str, np.ndarray]
Layout = list[tuple[str, int, int]]

_REGION = BY_NAME["region"].blender


def frame_planes(render: ProxyRender) -> list[Plane]:
    """Return the passes of Blender's render layer, in the order they are written.

    Returns:
        Names and (H, W, C) float32 arrays, row 0 at the top: `Combined` 4 (scene-linear,
        premultiplied), `Depth` 1 (1e10 for nothing), `Normal` 3, `Position` 3, `Confidence`,
        `Void`, `Origin` and `RegionIndex` 1 each.
    """
    values = layer_values(render)
    passes = {layer.blender: values[layer.name] for layer in layers()}
    passes[_REGION] = render.region
    height, width = render.alpha.shape
    planes = []
    for name, plane in passes.items():
        numbers = np.ascontiguousarray(plane, np.float32)
        planes.append((name, numbers.reshape(height, width, -1)))
    return planes


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
        # Here, so that a full disk is noticed before the file is closed.
        file.flush()
    return layout
