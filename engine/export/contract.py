"""The contract: the channels of a frame, their names and their order, from the table of passes."""

from collections.abc import Sequence

import numpy as np

from ..render.record import ProxyRender
from ..tables.passes import layers, region_channels
from ..tables.passes import region_layers as region_layers

NOTHING_DEPTH = np.float32(1e10)  # as in Blender's own depth pass where there is nothing

# The channels that all frames have.
BASE_CHANNELS = tuple(name for layer in layers() for name in layer.channel_names())


def contract_names(region_ids: Sequence[str]) -> list[str]:
    """Return every channel of a frame, in the contract's order.

    A file keeps them sorted by name.
    """
    return [*BASE_CHANNELS, *region_channels(region_ids)]


def exr_depth(depth: np.ndarray) -> np.ndarray:
    """Convert planar depth in metres, `inf` for nothing, to a depth channel's: 1e10 for nothing."""
    is_surface = np.isfinite(depth)
    filled = np.where(is_surface, depth, NOTHING_DEPTH)
    return filled.astype(np.float32)


def layer_values(render: ProxyRender) -> dict[str, np.ndarray]:
    """Return the values of the layers that all frames have, as files and Blender hold them.

    Returns:
        Each layer's name to (H, W) or (H, W, C), row 0 at the top.
    """
    values = {"": render.linear(), "depth": exr_depth(render.depth)}
    for layer in layers():
        if layer.name not in values:
            [name] = layer.passes
            values[layer.name] = getattr(render, name)
    return values


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
    height, width = render.alpha.shape
    values = layer_values(render)
    channels = {}
    # Every layer is taken apart into planes.
    for layer in layers():
        planes = values[layer.name].reshape(height, width, layer.channels)
        for i, name in enumerate(layer.channel_names()):
            plane = planes[..., i]
            channels[name] = np.ascontiguousarray(plane, np.float32)
    # The pass of regions becomes a mask for each.
    for index, name in enumerate(region_channels(region_ids)):
        mask = render.region == index
        channels[name] = np.ascontiguousarray(mask, np.float32)
    return channels
