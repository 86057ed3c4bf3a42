"""The far parts of scenes outdoors: houses, rows of trees, and hills."""

from typing import NamedTuple

import torch

from . import things
from .builder import Builder, is_clear, of_leaves, paints, turned
from .draw import Draw
from .raycast import BALL, BOX, GABLE

_BUILDINGS = 8  # slots, half of them on each side of a street
_HILLS = 2  # slots
# Weights of a row's style, in the order of `things`: facades, brick, plaster, boards, and trees as
# a wall of leaves.
_STYLES = (0.57, 0.17, 0.07, 0.03, 0.16)
_EAVES = 1.06  # size of a roof, in that of its house
# Owners of slots, apart from each other and from those of `furnishing`.
_FIRST_BUILDING = 2
_FIRST_BAY = 10
_FIRST_HILL = 20


class _Houses(NamedTuple):
    """Houses of a batch of scenes, one a slot."""

    place: torch.Tensor  # (B, S, 3) metres
    half: torch.Tensor  # (B, S, 3) half sizes: across, along and up, metres
    angle: torch.Tensor  # (B, S) radians


def add_buildings(
    builder: Builder,
    is_street: torch.Tensor,
    is_square: torch.Tensor,
    is_landscape: torch.Tensor,
    turn: torch.Tensor,
    width: torch.Tensor,
) -> None:
    """Add two rows of houses or trees, a square with a facade ahead, or scattered houses.

    The masks are (B,) bool; `turn` is the street's, (B,) radians, and `width` the metres from its
    middle to its houses, (B,).
    """
    draw = builder.draw
    slots = _BUILDINGS
    street = is_street[:, None]
    square = is_square[:, None]
    landscape = is_landscape[:, None]
    # the slots alternate between the left and the right of the street
    side = torch.tensor([-1.0, 1.0] * (slots // 2), device=draw.device)
    x, y, half_depth, half_length = _ground_plan(draw, street, landscape, side, width)
    is_facade, x, y, half_depth = _with_facade(draw, square, x, y, half_depth, half_length)
    low = draw.uniform(1.3, 3.5, slots)
    usual = draw.normal(1.35, 0.45, slots).exp()
    usual = usual.clamp(1.4, 22)
    half_height = torch.where(landscape, low, usual)
    angle = _angle(draw, street, square, is_facade, turn)

    place = torch.stack(
        [
            x,
            y,
            half_height,
        ],
        -1,
    )
    in_street = turned(place, turn)
    place = torch.where(street[..., None], in_street, place)
    there = _presence(draw, street, square, landscape)
    # a street's houses keep off the camera by themselves
    radius = (half_length**2 + half_depth**2).sqrt()
    radius = radius * torch.where(street, 0.0, 1.0)
    there = there & is_clear(place, radius)

    half = torch.stack(
        [
            half_depth,
            half_length,
            half_height,
        ],
        -1,
    )
    houses = _Houses(place, half, angle)
    is_wood = _add_walls(builder, houses, there)
    is_house = there & ~is_wood
    _add_roofs(builder, houses, is_house, landscape)
    has_bay = street & is_house & draw.chance(0.5, slots)
    _add_bays(builder, houses, side.expand_as(angle), turn, has_bay)


def _with_facade(
    draw: Draw,
    square: torch.Tensor,
    x: torch.Tensor,
    y: torch.Tensor,
    half_depth: torch.Tensor,
    half_length: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Put a facade right ahead of most squares, in the first slot.

    Returns:
        Where it is, (B, S) bool, then x, y and half the depths of all houses.
    """
    slots = _BUILDINGS
    is_first = torch.arange(slots, device=draw.device) == 0
    is_facade = square & is_first & draw.chance(0.75, 1)
    facade_x = draw.uniform(-6, 6, slots)
    facade_y = draw.uniform(5, 24, slots) + half_length
    facade_depth = draw.uniform(8, 26, slots)
    return (
        is_facade,
        torch.where(is_facade, facade_x, x),
        torch.where(is_facade, facade_y, y),
        torch.where(is_facade, facade_depth, half_depth),
    )


def _presence(
    draw: Draw,
    street: torch.Tensor,
    square: torch.Tensor,
    landscape: torch.Tensor,
) -> torch.Tensor:
    """Draw which houses are there, (B, S) bool: all of a street, and the first of a square."""
    slots = _BUILDINGS
    is_first = torch.arange(slots, device=draw.device) == 0
    is_kept = draw.chance(0.6, slots) | is_first
    in_landscape = landscape & draw.chance(0.4, slots)
    return street | (square & is_kept) | in_landscape


def _ground_plan(
    draw: Draw,
    street: torch.Tensor,
    landscape: torch.Tensor,
    side: torch.Tensor,
    width: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return x and y of houses, half their depth and half their length, (B, S) metres each.

    Places in a street are those before it is turned.
    """
    slots = _BUILDINGS
    along_street, half_length = _row(draw, slots)
    in_street = draw.uniform(3.5, 7, slots)
    elsewhere = draw.uniform(4, 15, slots)
    half_depth = torch.where(street, in_street, elsewhere)
    to_house = width[:, None]
    setback = to_house + draw.uniform(0, 1.5, slots) + half_depth
    off_centre = draw.uniform(-0.6, 0.6)[:, None] * to_house
    across_street = setback * side + off_centre

    # scattered houses lie ahead, at distances that are even on a logarithmic scale
    distant = draw.uniform(3.2, 4.8, slots)
    near = draw.uniform(2.3, 3.9, slots)
    distance = torch.where(landscape, distant, near).exp()
    scattered_x = distance * draw.uniform(-0.75, 0.75, slots)
    x = torch.where(street, across_street, scattered_x)
    y = torch.where(street, along_street, distance + half_length)
    return x, y, half_depth, half_length


def _row(draw: Draw, slots: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw rows of houses; return their places along the street and half their lengths."""
    half_length = draw.uniform(3, 11, slots)
    # on each side the houses before a house push it on; gaps are 15 % of half a house
    left = half_length[:, 0::2].cumsum(1)
    right = half_length[:, 1::2].cumsum(1)
    ends = torch.stack([left, right], -1)
    ends = ends.reshape(-1, slots)
    along = ends * 2.15 - half_length
    shift = draw.uniform(-4, 4, 2).repeat(1, slots // 2)
    return along + shift, half_length


def _angle(
    draw: Draw,
    street: torch.Tensor,
    square: torch.Tensor,
    is_facade: torch.Tensor,
    turn: torch.Tensor,
) -> torch.Tensor:
    """Return the angles of houses: along the street, towards the camera, or any."""
    slots = _BUILDINGS
    towards = draw.normal(0, 0.35, slots)
    scattered = draw.uniform(-0.8, 0.8, slots)
    angle = torch.where(
        street,
        turn[:, None],
        torch.where(is_facade, towards, scattered),
    )
    # the houses of some squares are all parallel
    parallel = draw.chance(0.4, 1) & square
    return torch.where(parallel, angle[:, :1], angle)


def _add_walls(builder: Builder, houses: _Houses, there: torch.Tensor) -> torch.Tensor:
    """Add the walls of houses; return the slots that are rows of trees."""
    draw = builder.draw
    slots = _BUILDINGS
    # each side of a street has one style, so that a row of trees may face one of houses
    styles = torch.stack([draw.pick(_STYLES), draw.pick(_STYLES)], -1)
    style = styles.repeat(1, slots // 2)
    green = draw.shade((0.2, 0.3, 0.12), 0.4, 1.7, slots)
    paint = torch.where(
        of_leaves(style),
        green,
        paints(draw, slots),
    )
    builder.add(
        BOX,
        centre=houses.place,
        half=houses.half,
        angle=houses.angle,
        owner=_FIRST_BUILDING + torch.arange(slots, device=draw.device),
        material=style,
        paint=paint,
        there=there,
    )
    return style == things.LEAVES


def _add_roofs(
    builder: Builder,
    houses: _Houses,
    is_house: torch.Tensor,
    landscape: torch.Tensor,
) -> None:
    """Add gables on some of the houses."""
    draw = builder.draw
    slots = _BUILDINGS
    of_house = draw.chance(0.6, slots)
    of_place = draw.chance(0.5, 1) | landscape
    # the base of a gable is the top of its house
    top = houses.place * torch.tensor(
        [
            1.0,
            1.0,
            2.0,
        ],
        device=draw.device,
    )
    eaves = houses.half * _EAVES
    eaves_x, eaves_y, _ = eaves.unbind(-1)
    height = draw.uniform(0.35, 0.8, slots) * eaves_y
    builder.add(
        GABLE,
        centre=top,
        half=torch.stack([eaves_x, eaves_y, height], -1),
        angle=houses.angle,
        owner=_FIRST_BUILDING + torch.arange(slots, device=draw.device),
        material=torch.full(is_house.shape, things.TILES, device=draw.device),
        paint=paints(draw, slots, 0.1, 0.5),
        there=is_house & (of_house & of_place),
    )


def _add_bays(
    builder: Builder,
    houses: _Houses,
    side: torch.Tensor,
    turn: torch.Tensor,
    there: torch.Tensor,
) -> None:
    """Add balconies, bays, awnings and signs on the fronts of a street's houses, one each."""
    draw = builder.draw
    slots = _BUILDINGS
    house_depth, house_length, house_height = houses.half.unbind(-1)
    is_flat = draw.chance(0.6, slots)  # awnings and balconies; bays are tall
    thickness = draw.uniform(0.1, 0.9, slots)
    length = draw.uniform(0.4, 2, slots)
    height = torch.where(is_flat, 0.3, 2.2)
    height = height * draw.uniform(0.3, 1, slots)

    # anywhere on the front, from above the doors to above the middle of the house
    front = torch.stack(
        [
            -side * house_depth,
            house_length * draw.uniform(-0.8, 0.8, slots),
            torch.zeros_like(side),
        ],
        -1,
    )
    place = houses.place + turned(front, turn)
    x, y, _ = place.unbind(-1)
    z = 2.4 + height + house_height * draw.uniform(0, 1.2, slots)
    is_plain = draw.chance(0.5, slots)
    is_cloth = draw.chance(0.5, slots)
    material = torch.where(
        is_plain,
        things.PLAIN,
        torch.where(is_cloth, things.CLOTH, things.BRICK),
    )
    builder.add(
        BOX,
        centre=torch.stack([x, y, z], -1),
        half=torch.stack([thickness, length, height], -1),
        angle=houses.angle,
        owner=_FIRST_BAY + torch.arange(slots, device=draw.device),
        material=material,
        paint=paints(draw, slots),
        there=there,
    )


def add_hills(builder: Builder, is_landscape: torch.Tensor, is_outdoors: torch.Tensor) -> None:
    """Add far hills: flat balls, half sunk."""
    draw = builder.draw
    slots = _HILLS
    distance = draw.uniform(90, 220, slots)
    x = distance * draw.uniform(-0.7, 0.7, slots)
    centre = torch.stack(
        [
            x,
            distance,
            torch.zeros_like(distance),
        ],
        -1,
    )
    half = torch.stack(
        [
            distance * draw.uniform(0.3, 1.2, slots),
            distance * 0.4,
            distance * draw.uniform(0.05, 0.3, slots),
        ],
        -1,
    )
    in_landscape = is_landscape[:, None] & draw.chance(0.7, slots)
    elsewhere = is_outdoors[:, None] & draw.chance(0.1, slots)
    is_wooded = draw.chance(0.7, slots)
    green = draw.shade((0.22, 0.32, 0.14), 0.5, 1.6, slots)
    builder.add(
        BALL,
        centre=centre,
        half=half,
        angle=torch.zeros_like(distance),
        owner=_FIRST_HILL + torch.arange(slots, device=draw.device),
        material=torch.where(is_wooded, things.LEAVES, things.ROUGH),
        paint=green,
        there=in_landscape | elsewhere,
    )
