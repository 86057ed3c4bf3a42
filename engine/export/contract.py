"""The contract: the channels of a frame, their names and their order.

Names come from `engine.tables.passes`.
"""

from collections.abc import Sequence

import numpy as np

from ..render.record import ProxyRender
from ..tables.passes import layers, region_layers

NOTHING_DEPTH = np.float32(1e10)  # metres; Blender's own depth pass holds this where nothing is

BASE_CHANNELS = tuple(name for layer in layers() for name in layer.channel_names())


def contract_names(region_ids: Sequence[str]) -> list[str]:
    """Return every channel of a frame, in the contract's order; a file sorts them by name."""
    return [*BASE_CHANNELS, *(f"{layer}.A" for layer in region_layers(region_ids))]


def exr_depth(depth: np.ndarray) -> np.ndarray:
    """Turn planar depth in metres with `inf` for nothing into a depth channel: 1e10 for nothing."""
    return np.where(np.isfinite(depth), depth, NOTHING_DEPTH).astype(np.float32)


def layer_pictures(render: ProxyRender) -> dict[str, np.ndarray]:
    """Return the picture of each layer that all frames have, as an EXR holds it.

    Returns:
        Layer names of `engine.tables.passes` to (H, W) or (H, W, C), in the order of the contract.
        The main layer is scene-linear Rec.709, premultiplied, with alpha.
    """
    pictures = {}
    for layer in layers():
        if layer.name == "":
            pictures[layer.name] = render.linear()
        elif layer.name == "depth":
            pictures[layer.name] = exr_depth(render.depth)
        else:
            # All other layers hold the pass of their name as it is.
            pictures[layer.name] = getattr(render, layer.name)
    return pictures


def frame_channels(render: ProxyRender, region_ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Return all channels of one frame.

    Args:
        render: the frame.
        region_ids: the scene's regions; `render.region` holds indices into them.

    Returns:
        `contract_names(region_ids)` to (H, W) float32, row 0 at the top: scene-linear premultiplied
        R G B A, metres, world-space normals and positions, masks 0 or 1, origin -1 where there is
        nothing.
    """
    pictures = layer_pictures(render)
    channels = {}
    for layer in layers():
        picture = pictures[layer.name]
        planes = np.moveaxis(picture, -1, 0) if picture.ndim == 3 else [picture]
        for name, plane in zip(layer.channel_names(), planes, strict=True):
            channels[name] = np.ascontiguousarray(plane, np.float32)
    for index, name in enumerate(region_layers(region_ids)):
        channels[f"{name}.A"] = np.ascontiguousarray(render.region == index, np.float32)
    return channels
