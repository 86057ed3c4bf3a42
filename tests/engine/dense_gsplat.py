"""gsplat's CUDA entry points in plain PyTorch, with its documented signatures.

gsplat's own PyTorch twins are underneath. Slow and for small scenes: it lets the CUDA wrapper's own
code run where there is no card.
"""

import math

import torch
from gsplat.cuda._torch_impl import (
    _fully_fused_projection,
    _isect_offset_encode,
    _isect_tiles,
    _quat_scale_to_covar_preci,
    _spherical_harmonics,
)

from engine.kernels.constants import MAX_ALPHA, MIN_LIGHT
from engine.kernels.constants import NOTHING_ALPHA as MIN_ALPHA


def rasterization(
    means,
    quats,
    scales,
    opacities,
    colors,
    viewmats,
    Ks,  # noqa: N803
    width,
    height,
    near_plane=0.01,
    far_plane=1e10,
    radius_clip=0.0,
    eps2d=0.3,
    sh_degree=None,
    packed=True,
    tile_size=16,
    backgrounds=None,
    render_mode="RGB",
    rasterize_mode="classic",
):
    """One camera, packed=False, RGB+D."""
    assert len(viewmats) == 1
    assert not packed
    assert sh_degree is None
    assert render_mode == "RGB+D"
    covars, _ = _quat_scale_to_covar_preci(quats, scales, True, False)
    antialiased = rasterize_mode == "antialiased"
    radii, means2d, depths, conics, compensations = _fully_fused_projection(
        means, covars, viewmats, Ks, width, height, eps2d, near_plane, far_plane, antialiased
    )
    opacities = opacities[None] * compensations if antialiased else opacities[None]
    radii = torch.where(opacities[..., None] >= MIN_ALPHA, radii, 0)
    across, down = math.ceil(width / tile_size), math.ceil(height / tile_size)
    shown = means2d.detach().nan_to_num(), radii, depths.detach()
    tiles, isect_ids, flatten_ids = _isect_tiles(*shown, tile_size, across, down)
    offsets = _isect_offset_encode(isect_ids, 1, across, down)
    channels = torch.cat([colors, depths[0][:, None]], dim=1)
    visible = torch.nonzero((radii[0] > 0).all(1))[:, 0]
    order = visible[torch.argsort(depths[0][visible], stable=True)]
    sums, alpha = _blend(
        means2d[0], conics[0], opacities[0], channels, order.tolist(), width, height
    )
    meta = {
        "means2d": means2d,
        "conics": conics,
        "opacities": opacities,
        "radii": radii,
        "depths": depths,
        "width": width,
        "height": height,
        "tile_size": tile_size,
        "tiles_per_gauss": tiles,
        "isect_offsets": offsets,
        "flatten_ids": flatten_ids,
    }
    return sums[None], alpha[None, ..., None], meta


def _opacity(means2d, conics, opacities, row, x, y):
    dx, dy = means2d[row, 0] - x, means2d[row, 1] - y
    a, b, c = conics[row]
    sigma = 0.5 * (a * dx * dx + c * dy * dy) + b * dx * dy
    alpha = torch.clamp(opacities[row] * torch.exp(-sigma), max=MAX_ALPHA)
    return alpha, (sigma >= 0) & (alpha >= MIN_ALPHA)


def _blend(means2d, conics, opacities, channels, order, width, height):
    y, x = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    light, sums, open_ = (
        torch.ones(height, width),
        torch.zeros(height, width, channels.shape[1]),
        True,
    )
    for row in order:
        alpha, drawn = _opacity(means2d, conics, opacities, row, x, y)
        left = light * (1 - alpha)
        open_ = open_ & ~(drawn & (left.detach() <= MIN_LIGHT))
        drawn = drawn & open_
        sums = sums + torch.where(drawn, light * alpha, 0.0)[..., None] * channels[row]
        light = torch.where(drawn, left, light)
    return sums, 1 - light


def rasterize_to_indices_in_range(
    range_start,
    range_end,
    transmittances,
    means2d,
    conics,
    opacities,
    image_width,
    image_height,
    tile_size,
    isect_offsets,
    flatten_ids,
):
    """Pairs of splat and pixel, each pixel's front to back, sorted by pixel."""
    count, (down, across) = means2d.shape[1], isect_offsets.shape[1:]
    assert transmittances.shape == (1, image_height, image_width)
    assert down * tile_size >= image_height
    assert across * tile_size >= image_width
    starts = [*isect_offsets.flatten().tolist(), len(flatten_ids)]
    pairs = []
    for tile in range(down * across):
        left, top = tile % across * tile_size, tile // across * tile_size
        x, y = (
            torch.arange(left, min(left + tile_size, image_width)),
            torch.arange(top, min(top + tile_size, image_height)),
        )
        y, x = torch.meshgrid(y, x, indexing="ij")
        light, open_ = transmittances[0, y, x].clone(), torch.ones_like(x, dtype=torch.bool)
        batch = tile_size * tile_size
        first, last = (
            starts[tile] + range_start * batch,
            min(starts[tile + 1], starts[tile] + range_end * batch),
        )
        for entry in flatten_ids[first:last].tolist():
            alpha, drawn = _opacity(means2d[0], conics[0], opacities[0], entry, x + 0.5, y + 0.5)
            left_over = light * (1 - alpha)
            open_ &= ~(drawn & (left_over <= MIN_LIGHT))
            drawn &= open_
            light = torch.where(drawn, left_over, light)
            pixels = (y * image_width + x)[drawn]
            pairs.append(torch.stack([torch.full_like(pixels, entry % count), pixels]))
    both = torch.cat(pairs, dim=1) if pairs else torch.zeros(2, 0, dtype=torch.int64)
    order = torch.argsort(both[1], stable=True)
    return both[0, order], both[1, order], torch.zeros_like(order)


def spherical_harmonics(degrees_to_use, dirs, coeffs, masks=None):
    """Colours of directions of any length."""
    return _spherical_harmonics(degrees_to_use, dirs, coeffs)
