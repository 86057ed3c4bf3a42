"""The contract: which channels a frame has, under which names, in which order."""

import re
from collections.abc import Sequence

import numpy as np

from ..render.record import ProxyRender

NOTHING_DEPTH = np.float32(1e10)  # what Blender's own depth pass holds where there is nothing

BASE_CHANNELS = (
    *("R", "G", "B", "A"),
    "depth.Z",
    *("normal.X", "normal.Y", "normal.Z"),
    *("position.X", "position.Y", "position.Z"),
    *("confidence.A", "void.A", "origin.A"),
)

_REGION = "region_"
# Blender keeps 63 characters of a pass name; this leaves room for a view layer's name before it.
_LONGEST_LAYER = 40


def region_layers(region_ids: Sequence[str]) -> list[str]:
    """The layer of each region, `region_<id>`, in the same order.

    Nuke splits names at dots and turns what is neither letter, digit nor `_` into `_`; so do we, beforehand. Two ids
    that become the same get `_2`, `_3`, … .
    """
    layers: list[str] = []
    for region_id in region_ids:
        layer = (_REGION + re.sub(r"[^A-Za-z0-9_]", "_", region_id))[:_LONGEST_LAYER]
        candidate, number = layer, 2
        while candidate in layers:
            candidate, number = f"{layer}_{number}", number + 1
        layers.append(candidate)
    return layers


def contract_names(region_ids: Sequence[str]) -> list[str]:
    """Every channel of a frame, in the contract's order (a file keeps them sorted by name)."""
    return [*BASE_CHANNELS, *(f"{layer}.A" for layer in region_layers(region_ids))]


def exr_depth(depth: np.ndarray) -> np.ndarray:
    """Planar depth in metres with `inf` for nothing, to what a depth channel holds: 1e10 for nothing."""
    return np.where(np.isfinite(depth), depth, NOTHING_DEPTH).astype(np.float32)


def frame_channels(render: ProxyRender, region_ids: Sequence[str]) -> dict[str, np.ndarray]:
    """All channels of one frame.

    Args:
        render: the frame.
        region_ids: the scene's regions; `render.region` holds indices into them.

    Returns:
        `contract_names(region_ids)` to (H, W) float32, row 0 at the top: scene-linear premultiplied R G B A, metres,
        world-space normals and positions, masks 0 or 1, origin -1 where there is nothing.
    """
    planes = [*np.moveaxis(render.linear(), -1, 0), exr_depth(render.depth)]
    planes += [*np.moveaxis(render.normal, -1, 0), *np.moveaxis(render.position, -1, 0)]
    planes += [render.confidence, render.void, render.origin]
    planes += [render.region == index for index in range(len(region_ids))]
    arrays = (np.ascontiguousarray(plane, np.float32) for plane in planes)
    return dict(zip(contract_names(region_ids), arrays, strict=True))
