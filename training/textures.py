"""Patterns on surfaces: brightness about 1 at places in metres.

A pattern is faded where a pixel covers more than its period, so that it does not alias. The numbers
that a solid's seed is multiplied by make further random numbers 0..1 of it: `_part`.
"""

from typing import NamedTuple

import torch

from . import things
from .draw import Draw
from .noise import noise, scatter

_PERIODS = (6.0, 2.0, 0.7, 0.22)  # metres: octaves of the marks that weather and use leave
_TINT = 1.5  # metres: the size of patches of another hue
# Metres: the smallest and the largest stain, or shadow of a thing outside the picture.
_STAINS = (0.4, 5.0)
_DARKEST = 0.08  # the least brightness of a pattern
_STOREY_WITH_DIRT = 3  # metres: below, walls of houses are a little darker


def pattern(
    material: torch.Tensor,
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Return the brightness of a surface, as its material is patterned.

    Args:
        material: (B, N) int64 of `things`.
        u: (B, N) metres along the surface.
        v: (B, N) metres up the surface.
        seed: (B, N) 0..1, one a solid.
        pixel: (B, N) metres that a pixel covers.

    Returns:
        (B, N, 3), about 1.
    """
    # every surface has three octaves of noise
    coarse = _grain(u, v, 0.7, seed)
    size = 0.6 + 0.8 * seed
    middle = _blotches(
        u,
        v,
        0.35 * size,
        seed + 3,
    )
    middle = middle * _fade(pixel, 0.35)
    fine = _grain(u, v, 13, seed + 5)
    fine = fine * _fade(pixel, 0.07)
    value = 1 + 0.18 * coarse + 0.12 * middle + 0.10 * fine

    # some materials have a pattern; it is computed only if the batch has such a material
    for patterned, drawn in _PATTERNS.items():
        is_patterned = material == patterned
        if bool(is_patterned.any()):
            patterned_value = value + drawn(u, v, seed, pixel)
            value = torch.where(is_patterned, patterned_value, value)

    # cloth, leaves and rough ground have more of the noise
    leaves = 1.1 * middle + 0.9 * fine + 0.5 * coarse
    rough = 0.15 * middle + 0.25 * fine + 0.2 * coarse
    value = value + _only(
        material,
        things.CLOTH,
        0.3 * middle,
    )
    value = value + _only(material, things.LEAVES, leaves)
    value = value + _only(material, things.ROUGH, rough)
    brightness = value.clamp_min(_DARKEST)[..., None]
    return brightness * _poster(material, u, v, seed, pixel)


def weathered(
    draw: Draw,
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Return the brightness of marks that do not follow a surface's shape.

    They are blotches of all sizes, tints, stains and shadows. Without them a network reads distance
    from paint: every dark patch is near, every bright one far.

    Args:
        draw: of the batch.
        u: (B, N) metres along the surface.
        v: (B, N) metres up the surface.
        seed: (B, N) 0..1, one a solid.
        pixel: (B, N) metres that a pixel covers.

    Returns:
        (B, N, 3), about 1.
    """
    of_picture = draw.uniform(0, 1, 1).square()
    of_solid = _random(seed, 91, 17)
    amount = of_picture * of_solid * 1.6

    # blotches of four sizes, each with a strength of its own
    blotches = torch.zeros_like(u)
    for i, period in enumerate(_PERIODS):
        strength = draw.uniform(0, 1, 1)
        octave = _blotches(u, v, period, seed + 11 + i)
        blotches = blotches + strength * octave * _fade(pixel, period)

    # tints: noise in each of the colours
    tints = [_blotches(u, v, _TINT, seed + 21 + i) for i in range(3)]
    strength = draw.uniform(0, 0.5, 1, 1)
    hue = torch.stack(tints, -1) * strength

    patch = _stains(draw, u, v, seed)
    # most are darker than the surface, some brighter
    is_dark = draw.chance(0.6, 1)
    darker = draw.uniform(0, 0.85, 1)
    brighter = draw.uniform(-0.8, 0, 1)
    darkness = torch.where(is_dark, darker, brighter)
    light = (1 + amount * blotches).clamp_min(0.15)
    light = light * (1 - darkness * patch)
    tint = 1 + amount[..., None] * hue
    return light[..., None] * tint.clamp_min(0.2)


def _stains(
    draw: Draw,
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
) -> torch.Tensor:
    """Return patches with soft or sharp edges on half of the solids, (B, N) 0..1."""
    log_limits = torch.tensor(_STAINS).log().tolist()
    of_solid = 0.6 + 0.8 * seed
    size = draw.log_uniform(*log_limits, 1) * of_solid
    # the noise is bent by other noise, so that stains have no straight sides
    bend = 0.5 * noise(
        u * 3 / size,
        v * 3 / size,
        seed + 31,
    )
    patch = noise(
        u / size + bend,
        v / size,
        seed + 32,
    )
    patch = patch - draw.uniform(0.35, 0.8, 1)
    sharpness = draw.log_uniform(1.0, 3.2, 1)
    patch = (patch * sharpness + 0.5).clamp(0, 1)
    has_stains = _random(seed, 53, 29) < 0.5
    return patch * has_stains


def _grain(
    u: torch.Tensor,
    v: torch.Tensor,
    frequency: float,
    seed: torch.Tensor,
) -> torch.Tensor:
    """Return noise -0.5..0.5 with so many values a metre."""
    return (
        noise(
            u * frequency,
            v * frequency,
            seed,
        )
        - 0.5
    )


def _blotches(
    u: torch.Tensor,
    v: torch.Tensor,
    period: float | torch.Tensor,
    seed: torch.Tensor,
) -> torch.Tensor:
    """Return noise -0.5..0.5 with one value in so many metres."""
    return (
        noise(
            u / period,
            v / period,
            seed,
        )
        - 0.5
    )


def _random(seed: torch.Tensor, first: float, second: float) -> torch.Tensor:
    """Return a random number 0..1 of a solid, independent of its other ones."""
    return scatter(seed * first, seed * second, seed)


def _only(material: torch.Tensor, wanted: int, value: torch.Tensor) -> torch.Tensor:
    """Return the value on one material and 0 on all others."""
    return torch.where(material == wanted, value, 0.0)


def _part(seed: torch.Tensor, factor: float) -> torch.Tensor:
    """Return another random number 0..1 of a solid."""
    return (seed * factor) % 1


def _fade(pixel: torch.Tensor, period: float | torch.Tensor) -> torch.Tensor:
    """Return 1 where a pattern is resolved, towards 0 where a pixel covers a period."""
    return (1.5 - 1.5 * pixel / period).clamp(0, 1)


class _Windows(NamedTuple):
    """A wall's cells, one window in each, and the place of each pixel in its cell."""

    width: torch.Tensor  # of a cell, metres
    height: torch.Tensor  # of a cell, metres
    column: torch.Tensor  # number of the cell along the wall, with a fraction
    storey: torch.Tensor  # number of the cell up the wall, with a fraction
    x: torch.Tensor  # from the middle of the cell, in cells
    y: torch.Tensor  # from the middle of the cell, in cells
    half_width: torch.Tensor  # of the window, in cells
    half_height: torch.Tensor  # of the window, in cells
    is_shop: torch.Tensor  # bool


def _facade(
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Draw rows of windows in frames, with shutters, ledges and shops; some walls are of brick."""
    windows = _windows(u, v, seed)
    inside_width = windows.x < windows.half_width
    is_window = inside_width & (windows.y < windows.half_height)
    has_bricks = _part(seed, 29.3) < 0.35
    brick = torch.where(
        has_bricks,
        _bricks(u, v, seed, pixel),
        0.0,
    )
    facade = torch.where(
        is_window,
        _panes(windows, seed, pixel),
        _wall(windows, seed, pixel) + brick,
    )
    dirt = torch.where(v < _STOREY_WITH_DIRT, -1.0, 0.0)
    return facade * _fade(pixel, 1.6) + 0.1 * dirt


def _windows(u: torch.Tensor, v: torch.Tensor, seed: torch.Tensor) -> _Windows:
    """Divide a wall into cells; the lowest storey may be one of shops."""
    width = 1.3 + 1.6 * seed
    height = 2.6 + (seed * 7.3) % 1.0
    is_shop = (v < height) & (_part(seed, 13.7) < 0.4)
    width = torch.where(is_shop, 1.7 * width, width)
    column = u / width + seed * 9
    storey = v / height
    half_width = 0.16 + 0.2 * _part(seed, 5.7)
    half_height = 0.24 + 0.12 * _part(seed, 3.1)
    return _Windows(
        width=width,
        height=height,
        column=column,
        storey=storey,
        x=(column % 1 - 0.5).abs(),
        y=(storey % 1 - 0.5).abs(),
        half_width=torch.where(is_shop, 0.42, half_width),
        half_height=torch.where(is_shop, 0.4, half_height),
        is_shop=is_shop,
    )


def _panes(windows: _Windows, seed: torch.Tensor, pixel: torch.Tensor) -> torch.Tensor:
    """Draw panes of different brightness, and frames around and across some."""
    row = windows.storey % 1
    pane = scatter(
        windows.column.floor(),
        windows.storey.floor(),
        seed,
    )
    reflection = 0.3 * _part(seed, 31.1) * (row - 0.5)
    glass = pane * 0.5 - 0.75 + reflection

    # metres from the side and from the top or the bottom; the middle has a bar, and some a cross
    from_side = (windows.half_width - windows.x) * windows.width
    from_end = (windows.half_height - windows.y) * windows.height
    from_middle = windows.x * windows.width
    from_cross = (row - 0.65).abs() * windows.height
    has_cross = _part(seed, 41.3) < 0.6
    is_bar = from_side < 0.07
    is_bar |= from_end < 0.07
    is_bar |= from_middle < 0.04
    is_bar |= (from_cross < 0.03) & has_cross
    is_bar &= _part(seed, 17.9) < 0.8
    bar = 1.3 * _part(seed, 19.7) - 0.5
    frame = torch.where(is_bar, bar - glass, 0.0)
    return glass + frame * _fade(pixel, 0.14)


def _wall(windows: _Windows, seed: torch.Tensor, pixel: torch.Tensor) -> torch.Tensor:
    """Draw ledges between the storeys, surrounds of windows, and shutters beside some."""
    # metres from the window's side, and from its top or bottom, outwards
    beside = (windows.x - windows.half_width) * windows.width
    above = (windows.y - windows.half_height) * windows.height
    is_ledge = (windows.storey % 1) < 0.05
    ledge = 0.5 * _part(seed, 11.3) - 0.3
    wall = torch.where(is_ledge, ledge, 0.0)
    is_surround = (beside < 0.15) & (above < 0.15)
    surround = 0.6 * _part(seed, 23.3) - 0.3
    wall = torch.where(is_surround, surround, wall)
    wall = wall * _fade(pixel, 0.3)
    has_shutters = _part(seed, 3.7) < 0.2
    at_window = windows.y < windows.half_height
    is_shutter = (beside < 0.45) & at_window
    is_shutter &= has_shutters & ~windows.is_shop
    shutter = -0.6 * _part(seed, 43.1)
    return torch.where(is_shutter, shutter, wall)


def _bricks(
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Draw courses of stones with joints, from bricks to blocks of a third of a metre."""
    height = 0.08 + 0.25 * _part(seed, 4.3)
    course = (v / height).floor()
    # each course is half a stone aside
    column = u / (2.4 * height) + 0.5 * course
    is_joint = (v / height) % 1 < 0.12
    is_joint |= column % 1 < 0.06
    stone = 0.35 * (
        scatter(
            column.floor(),
            course,
            seed,
        )
        - 0.5
    )
    return torch.where(is_joint, -0.3, stone) * _fade(pixel, height)


def _planks(
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Draw boards with grain."""
    column = u / 0.14
    board = column.floor()
    # the boards of a row end at different heights
    offset = scatter(board, column * 0, seed)
    end = (v * 0.7 + offset).floor()
    tone = 0.3 * (scatter(board, end, seed) - 0.5)
    grain = 0.25 * (
        noise(
            u * 40,
            v * 2.5,
            seed,
        )
        - 0.5
    )
    boards = torch.where(
        column % 1 < 0.06,
        -0.3,
        tone,
    )
    return (boards + grain) * _fade(pixel, 0.14)


def _tiles(
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Draw square tiles with joints, checkered or nearly alike."""
    size = 0.2 + 0.6 * _part(seed, 6.1)
    column = u / size
    row = v / size
    contrast = torch.where(seed > 0.6, 0.6, 0.12)
    number = column.floor() + row.floor()
    checker = contrast * (number % 2 - 0.5)
    is_joint = (column % 1 < 0.05) | (row % 1 < 0.05)
    return torch.where(is_joint, -0.25, checker) * _fade(pixel, size)


def _stripes(
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Draw woven stripes, across or along, on half of the cloths."""
    period = 0.05 + 0.15 * _part(seed, 8.9)
    place = (
        torch.where(
            seed > 0.5,
            u,
            v,
        )
        / period
    )
    stripe = 0.4 * (place % 1 > 0.5).float() - 0.2
    striped = torch.where(
        _part(seed, 11) > 0.5,
        stripe,
        0.0,
    )
    return striped * _fade(pixel, 0.1)


def _poster(
    material: torch.Tensor,
    u: torch.Tensor,
    v: torch.Tensor,
    seed: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Return coloured blocks, as on pictures, book spines and signs; 1 on all other materials."""
    is_poster = material == things.POSTER
    if not bool(is_poster.any()):
        return torch.ones_like(u)[..., None]
    width = 0.05 + 0.4 * _part(seed, 2.7)
    height = 0.1 + 0.4 * _part(seed, 7.7)
    column = (u / width).floor()
    row = (v / height).floor()
    blocks = torch.stack(
        [
            scatter(
                column,
                row,
                seed + i,
            )
            for i in range(3)
        ],
        -1,
    )
    return torch.where(
        is_poster[..., None],
        0.25 + 1.2 * blocks * _fade(pixel, 0.4)[..., None],
        1.0,
    )


_PATTERNS = {
    things.FACADE: _facade,
    things.BRICK: _bricks,
    things.WOOD: _planks,
    things.TILES: _tiles,
    things.CLOTH: _stripes,
}
