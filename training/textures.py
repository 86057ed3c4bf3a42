"""Patterns on surfaces: brightness about 1 at places in metres, faded where a pixel covers more than a pattern's period."""

import torch

from . import things
from .draw import Draw
from .noise import noise, scatter

_PERIODS = (6.0, 2.0, 0.7, 0.22)  # metres: octaves of what weather and use leave on a surface
_EDGED = (
    0.4,
    5.0,
)  # metres: the size of stains and of shadows cast by what the picture does not show


def pattern(
    material: torch.Tensor,
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Brightness of a surface.

    Args:
        material: (B, N) int64 of `things`.
        u: (B, N) metres along the surface.
        v: (B, N) metres up the surface.
        seed: (B, N) 0..1, one a solid.
        pixel: (B, N) metres that a pixel covers.

    Returns:
        (B, N, 3), about 1.
    """
    size = 0.6 + 0.8 * seed
    coarse = noise(u * 0.7, v * 0.7, seed) - 0.5
    middle = (noise(u / (0.35 * size), v / (0.35 * size), seed + 3) - 0.5) * _fade(pixel, 0.35)
    fine = (noise(u * 13, v * 13, seed + 5) - 0.5) * _fade(pixel, 0.07)
    value = 1 + 0.18 * coarse + 0.12 * middle + 0.10 * fine
    for wanted, drawn in _PATTERNS.items():
        where = material == wanted
        if bool(where.any()):
            value = torch.where(where, value + drawn(u, v, seed, pixel), value)
    value = value + _where(material, things.CLOTH, 0.3 * middle)
    value = value + _where(material, things.LEAVES, 1.1 * middle + 0.9 * fine + 0.5 * coarse)
    value = value + _where(material, things.ROUGH, 0.15 * middle + 0.25 * fine + 0.2 * coarse)
    return value.clamp_min(0.08)[..., None] * _poster(material, u, v, seed, pixel)


def weathered(
    draw: Draw, u: torch.Tensor, v: torch.Tensor, seed: torch.Tensor, pixel: torch.Tensor
) -> torch.Tensor:
    """What else is painted on a surface without changing its shape: blotches of all sizes, tints, stains, shadows.

    Without it a network reads distance from paint: every dark patch is near, every bright one far.

    Args:
        draw: of the batch.
        u: (B, N) metres along the surface.
        v: (B, N) metres up the surface.
        seed: (B, N) 0..1, one a solid.
        pixel: (B, N) metres that a pixel covers.

    Returns:
        (B, N, 3), about 1.
    """
    amount = draw.uniform(0, 1, 1).square() * scatter(seed * 91, seed * 17, seed) * 1.6
    value = torch.zeros_like(u)
    for i, period in enumerate(_PERIODS):
        value = value + draw.uniform(0, 1, 1) * (
            noise(u / period, v / period, seed + 11 + i) - 0.5
        ) * _fade(pixel, period)
    hue = torch.stack(
        [noise(u / 1.5, v / 1.5, seed + 21 + i) - 0.5 for i in range(3)], -1
    ) * draw.uniform(0, 0.5, 1, 1)
    size = torch.exp(draw.uniform(*(torch.tensor(_EDGED).log().tolist()), 1)) * (0.6 + 0.8 * seed)
    bent = 0.5 * noise(u * 3 / size, v * 3 / size, seed + 31)
    patch = noise(u / size + bent, v / size, seed + 32) - draw.uniform(0.35, 0.8, 1)
    patch = (patch * draw.uniform(1.0, 3.2, 1).exp() + 0.5).clamp(0, 1) * (
        scatter(seed * 53, seed * 29, seed) < 0.5
    )
    strength = torch.where(
        draw.chance(0.6, 1), draw.uniform(0, 0.85, 1), draw.uniform(-0.8, 0, 1)
    )  # darker; some brighter
    light = (1 + amount * value).clamp_min(0.15) * (1 - strength * patch)
    return light[..., None] * (1 + amount[..., None] * hue).clamp_min(0.2)


def _where(material: torch.Tensor, wanted: int, value: torch.Tensor) -> torch.Tensor:
    return torch.where(material == wanted, value, 0.0)


def _fade(pixel: torch.Tensor, period: float) -> torch.Tensor:
    """1 where a pattern is resolved, towards 0 where a pixel covers a period."""
    return (1.5 - 1.5 * pixel / period).clamp(0, 1)


def _facade(
    u: torch.Tensor, v: torch.Tensor, seed: torch.Tensor, pixel: torch.Tensor
) -> torch.Tensor:
    """Rows of windows in frames, darker or brighter than the wall, with shutters and ledges; shops below, some of brick."""
    wide, high = 1.3 + 1.6 * seed, 2.6 + (seed * 7.3) % 1.0
    shop = (v < high) & ((seed * 13.7) % 1 < 0.4)
    wide = torch.where(shop, 1.7 * wide, wide)
    a, b = u / wide + seed * 9, v / high
    reach = (
        torch.where(shop, 0.42, 0.16 + 0.2 * ((seed * 5.7) % 1)),
        torch.where(shop, 0.4, 0.24 + 0.12 * ((seed * 3.1) % 1)),
    )
    x, y = (a % 1 - 0.5).abs(), (b % 1 - 0.5).abs()
    inside = (x < reach[0]) & (y < reach[1])
    glass = (
        scatter(a.floor(), b.floor(), seed) * 0.5 - 0.75 + 0.3 * ((seed * 31.1) % 1) * (b % 1 - 0.5)
    )
    bar = ((reach[0] - x) * wide < 0.07) | ((reach[1] - y) * high < 0.07) | (x * wide < 0.04)
    bar |= ((b % 1 - 0.65).abs() * high < 0.03) & ((seed * 41.3) % 1 < 0.6)
    frame = torch.where(
        bar & ((seed * 17.9) % 1 < 0.8), 1.3 * ((seed * 19.7) % 1) - 0.5 - glass, 0.0
    ) * _fade(pixel, 0.14)
    surround = ((x - reach[0]) * wide < 0.15) & ((y - reach[1]) * high < 0.15)
    shutter = ((x - reach[0]) * wide < 0.45) & (y < reach[1]) & ((seed * 3.7) % 1 < 0.2) & ~shop
    wall = torch.where((b % 1) < 0.05, 0.5 * ((seed * 11.3) % 1) - 0.3, 0.0)
    wall = torch.where(surround, 0.6 * ((seed * 23.3) % 1) - 0.3, wall) * _fade(pixel, 0.3)
    wall = torch.where(shutter, -0.6 * ((seed * 43.1) % 1), wall)
    brick = torch.where((seed * 29.3) % 1 < 0.35, _bricks(u, v, seed, pixel), 0.0)
    return torch.where(inside, glass + frame, wall + brick) * _fade(pixel, 1.6) + 0.1 * torch.where(
        v < 3, -1.0, 0.0
    )


def _bricks(
    u: torch.Tensor, v: torch.Tensor, seed: torch.Tensor, pixel: torch.Tensor
) -> torch.Tensor:
    """Courses of stones with joints; from bricks to blocks of half a metre."""
    high = 0.08 + 0.25 * ((seed * 4.3) % 1)
    row = (v / high).floor()
    a = u / (2.4 * high) + 0.5 * row
    joint = ((v / high) % 1 < 0.12) | (a % 1 < 0.06)
    return torch.where(joint, -0.3, 0.35 * (scatter(a.floor(), row, seed) - 0.5)) * (
        1.5 - 1.5 * pixel / high
    ).clamp(0, 1)


def _planks(
    u: torch.Tensor, v: torch.Tensor, seed: torch.Tensor, pixel: torch.Tensor
) -> torch.Tensor:
    """Boards with grain."""
    a = u / 0.14
    tone = 0.3 * (
        scatter(a.floor(), (v * 0.7 + scatter(a.floor(), a * 0, seed)).floor(), seed) - 0.5
    )
    grain = 0.25 * (noise(u * 40, v * 2.5, seed) - 0.5)
    return (torch.where(a % 1 < 0.06, -0.3, tone) + grain) * _fade(pixel, 0.14)


def _tiles(
    u: torch.Tensor, v: torch.Tensor, seed: torch.Tensor, pixel: torch.Tensor
) -> torch.Tensor:
    """Square tiles, checkered or all alike, with joints."""
    size = 0.2 + 0.6 * ((seed * 6.1) % 1)
    a, b = u / size, v / size
    checker = torch.where(seed > 0.6, 0.6, 0.12) * ((a.floor() + b.floor()) % 2 - 0.5)
    joint = (a % 1 < 0.05) | (b % 1 < 0.05)
    return torch.where(joint, -0.25, checker) * (1.5 - 1.5 * pixel / size).clamp(0, 1)


def _stripes(
    u: torch.Tensor, v: torch.Tensor, seed: torch.Tensor, pixel: torch.Tensor
) -> torch.Tensor:
    """Woven stripes across or along."""
    along = torch.where(seed > 0.5, u, v) / (0.05 + 0.15 * ((seed * 8.9) % 1))
    return torch.where(seed * 11 % 1 > 0.5, 0.4 * (along % 1 > 0.5).float() - 0.2, 0.0) * _fade(
        pixel, 0.1
    )


def _poster(
    material: torch.Tensor,
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Coloured blocks, as on pictures, book spines and signs; 1 on all else."""
    a, b = (
        (u / (0.05 + 0.4 * (seed * 2.7 % 1))).floor(),
        (v / (0.1 + 0.4 * (seed * 7.7 % 1))).floor(),
    )
    blocks = torch.stack([scatter(a, b, seed + i) for i in range(3)], -1)
    poster = material == things.POSTER
    if not bool(poster.any()):
        return torch.ones_like(u)[..., None]
    return torch.where(poster[..., None], 0.25 + 1.2 * blocks * _fade(pixel, 0.4)[..., None], 1.0)


_PATTERNS = {
    things.FACADE: _facade,
    things.BRICK: _bricks,
    things.WOOD: _planks,
    things.TILES: _tiles,
    things.CLOTH: _stripes,
}
