"""Things about the camera: cars, people, trees and furniture, and a table-top with things on it."""

import math
from typing import NamedTuple

import torch

from . import things
from .builder import Builder, Room, is_clear, of_leaves, paints, turned
from .raycast import BALL, BOX, TUBE

_THINGS = 10  # slots, each of one thing of several parts
_RADIUS = 0.6  # metres about things that keep off the camera
_FROM_WALL = 0.45  # metres between a wall and the middle of the furniture along it
# Owners of things, apart from those of `outdoors`.
_FIRST_THING = 30
_TABLE = 50  # the things on the table have the numbers behind it

_ON_TABLE = (BOX, BOX, BOX, BOX, BALL, BALL, BALL, TUBE, TUBE, TUBE)  # one slot each
# Weights of materials, in the order of `things`.
_TABLE_MATERIALS = (0, 0, 0.25, 0.6, 0, 0.1, 0.05)
_ON_TABLE_MATERIALS = (0, 0, 3, 0.5, 1.5, 1, 0, 2, 0, 1)


class _Thing(NamedTuple):
    """One thing of each scene."""

    parts: torch.Tensor  # (B, 6, 7) rows of `things.TABLE`
    place: torch.Tensor  # (B, 3) metres
    angle: torch.Tensor  # (B,) radians
    size: torch.Tensor  # (B, 3) factors of its width, its height and another, which is not used
    paint: torch.Tensor  # (B, 3)
    leaves: torch.Tensor  # (B, 3) colour of its leaves
    there: torch.Tensor  # (B,) bool


def add_things(
    builder: Builder,
    is_room: torch.Tensor,
    is_close: torch.Tensor,
    is_street: torch.Tensor,
    is_landscape: torch.Tensor,
    turn: torch.Tensor,
    room: Room,
    width: torch.Tensor,
) -> None:
    """Add cars, people, trees and furniture.

    They are about the street, along a room's walls, or right before the lens (`is_close`). The
    masks are (B,) bool; `turn` is that of the street or the room, (B,) radians, and `width` is the
    distance from the middle of a street to its houses, (B,) metres.
    """
    draw = builder.draw
    slots = _THINGS
    indoors = is_room[:, None]
    close = is_close[:, None]
    street = is_street[:, None]
    weights = _weights(builder, indoors, close)
    table = torch.tensor(
        things.TABLE,
        dtype=torch.float32,
        device=draw.device,
    )

    outside = _places_outside(builder, close, street, width)
    wall, inside = _places_inside(builder, room)
    place = torch.where(indoors[..., None], inside, outside)
    follows_turn = (indoors | street)[..., None]
    place = torch.where(follows_turn, turned(place, turn), place)
    angle = _angles(builder, wall, indoors, turn)

    # scenes have few things or many
    fullness = torch.rand(
        slots,
        generator=draw.generator,
        device=draw.device,
    )
    there = draw.chance(0.35 + 0.55 * fullness, slots)
    there = there & is_clear(place, torch.full_like(angle, _RADIUS))
    is_bare = is_landscape[:, None] & draw.chance(0.4, slots)
    there = there & ~is_bare
    size = draw.factor(0.13, slots, 3)
    paint = paints(draw, slots)
    leaves = draw.shade((0.2, 0.33, 0.12), 0.5, 1.7, slots)
    for i in range(slots):
        thing = _Thing(
            parts=table[draw.pick(weights)],
            place=place[:, i],
            angle=angle[:, i],
            size=size[:, i],
            paint=paint[:, i],
            leaves=leaves[:, i],
            there=there[:, i],
        )
        _add_thing(builder, i, thing)


def _weights(builder: Builder, indoors: torch.Tensor, close: torch.Tensor) -> torch.Tensor:
    """Return how often each thing is drawn in each scene, (B, K)."""
    device = builder.draw.device
    inside = torch.tensor(things.INSIDE_WEIGHTS, device=device)
    outside = torch.tensor(things.OUTSIDE_WEIGHTS, device=device)
    near = torch.tensor(things.CLOSE_WEIGHTS, device=device)
    return torch.where(indoors, inside, torch.where(close, near, outside))


def _places_outside(
    builder: Builder,
    close: torch.Tensor,
    street: torch.Tensor,
    width: torch.Tensor,
) -> torch.Tensor:
    """Draw places ahead of the camera, within the street if there is one, (B, S, 3)."""
    draw = builder.draw
    slots = _THINGS
    near = draw.uniform(0.4, 2.0, slots)
    usual = draw.uniform(1.0, 3.5, slots)
    distance = torch.where(close, near, usual).exp()
    in_street = width[:, None] * draw.uniform(-1.1, 1.1, slots)
    ahead = distance * draw.uniform(-0.6, 0.6, slots)
    x = torch.where(street, in_street, ahead)
    return torch.stack(
        [
            x,
            distance,
            torch.zeros_like(distance),
        ],
        -1,
    )


def _places_inside(builder: Builder, room: Room) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw places in a room; return the wall of each, (S,) in each scene, and the places."""
    draw = builder.draw
    slots = _THINGS
    # walls by turns: left, right, ahead, and anywhere in the room
    first = draw.pick([1.0] * 3)[:, None].expand(-1, slots).roll(1, 0)
    wall = (first + torch.arange(slots, device=draw.device)) % 4
    across = draw.uniform(-0.9, 0.9, slots)
    along = draw.uniform(-0.9, 0.9, slots)
    inset_x, inset_y, _ = (1 - _FROM_WALL / room.half).split(1, dim=1)
    half_x, half_y, _ = room.half.split(1, dim=1)
    centre_x, centre_y, _ = room.centre.split(1, dim=1)
    part_x = torch.where(wall == 1, inset_x, across)
    part_x = torch.where(wall == 0, -inset_x, part_x)
    part_y = torch.where(wall == 2, inset_y, along)
    x = part_x * half_x + centre_x
    y = part_y * half_y + centre_y
    return wall, torch.stack(
        [
            x,
            y,
            torch.zeros_like(x),
        ],
        -1,
    )


def _angles(
    builder: Builder,
    wall: torch.Tensor,
    indoors: torch.Tensor,
    turn: torch.Tensor,
) -> torch.Tensor:
    """Draw angles: with the back to the wall, along the street, or any, (B, S)."""
    draw = builder.draw
    slots = _THINGS
    quarter_turns = torch.tensor(
        [
            0.5,
            -0.5,
            0,
            0,
        ],
        device=draw.device,
    )
    against_wall = quarter_turns[wall] * math.pi
    along_street = draw.normal(0, 0.1, slots)
    angle = turn[:, None] + torch.where(indoors, against_wall, along_street)
    is_any = draw.chance(0.3, slots)
    return torch.where(
        is_any,
        draw.uniform(0, 2 * math.pi, slots),
        angle,
    )


def _add_thing(builder: Builder, number: int, thing: _Thing) -> None:
    """Add one thing in each scene: its parts scaled, turned and stood at its place."""
    draw = builder.draw
    parts = len(things.PARTS)
    # one factor for both horizontal sizes, so that round things stay round
    horizontal = thing.size[:, 0]
    vertical = thing.size[:, 1]
    size = torch.stack(
        [
            horizontal,
            horizontal,
            vertical,
        ],
        -1,
    )[:, None]
    offset = thing.parts[..., :3] * size
    half = thing.parts[..., 3:6] * size
    material = thing.parts[..., 6].long()
    centre = turned(offset, thing.angle) + thing.place[:, None]

    # the parts of a thing differ a little; leaves, glass and tyres have colours of their own
    colours = thing.paint[:, None] * draw.uniform(0.45, 1.2, parts, 1)
    leaves = thing.leaves[:, None] * draw.uniform(0.8, 1.2, parts, 1)
    colours = torch.where(of_leaves(material), leaves, colours)
    glass = 0.12 * draw.uniform(0.4, 2.5, parts, 1)
    colours = torch.where(
        (material == things.GLASS)[..., None],
        glass,
        colours,
    )
    colours = torch.where(
        (material == things.TYRE)[..., None],
        0.1,
        colours,
    )

    # the parts that a thing does not use have no size
    there = thing.there[:, None] & (half[..., 0] > 0)
    for part, kind in enumerate(things.PARTS):
        one = slice(part, part + 1)
        builder.add(
            kind,
            centre=centre[:, one],
            half=half[:, one],
            angle=thing.angle[:, None],
            owner=torch.tensor([_FIRST_THING + number], device=draw.device),
            material=material[:, one],
            paint=colours[:, one],
            there=there[:, one],
        )


class _TableTop(NamedTuple):
    """The top of a table right before the camera."""

    centre: torch.Tensor  # (B, 3) metres
    half: torch.Tensor  # (B, 3) half sizes, metres
    angle: torch.Tensor  # (B,) radians
    there: torch.Tensor  # (B,) bool


def add_table_top(
    builder: Builder,
    there: torch.Tensor,
    camera_height: torch.Tensor,
) -> None:
    """Add a table right before the camera, with bottles, books, vases, bowls and plants on it.

    Args:
        builder: of the scenes.
        there: (B,) bool: the scenes with such a table.
        camera_height: (B,) metres.
    """
    draw = builder.draw
    slots = len(_ON_TABLE)
    top = _add_table(builder, there, camera_height)
    half_width = draw.uniform(0.03, 0.13, slots)
    half_height = draw.uniform(0.015, 0.16, slots)
    material = torch.stack([draw.pick(_ON_TABLE_MATERIALS) for _ in range(slots)], -1)
    for i in range(slots):
        _add_on_table(
            builder,
            i,
            top,
            half_width[:, i],
            half_height[:, i],
            material[:, i],
        )


def _add_table(
    builder: Builder,
    there: torch.Tensor,
    camera_height: torch.Tensor,
) -> _TableTop:
    """Add the board of a table, and below it a closed body in some scenes."""
    draw = builder.draw
    is_parallel = draw.chance(0.7)
    nearly_parallel = draw.normal(0, 0.15)
    angle = torch.where(
        is_parallel,
        nearly_parallel,
        draw.uniform(-1, 1),
    )
    height = torch.minimum(draw.uniform(0.4, 0.95), camera_height - 0.2)
    half_length = draw.uniform(0.4, 1.2)
    half_depth = draw.uniform(0.3, 0.8)
    x = draw.uniform(-0.4, 0.4)
    y = half_depth + draw.uniform(-0.3, 0.5)
    thickness = draw.uniform(0.01, 0.04)
    top = _TableTop(
        centre=torch.stack([x, y, height], -1),
        half=torch.stack([half_length, half_depth, thickness], -1),
        angle=angle,
        there=there,
    )

    paint = paints(draw, 1)
    brown = draw.shade((0.62, 0.45, 0.28), 0.4, 1.5)
    is_brown = draw.chance(0.6, 1, 1)
    paint = torch.where(is_brown, brown, paint)
    material = draw.pick(_TABLE_MATERIALS)[:, None]
    builder.add(
        BOX,
        centre=top.centre[:, None],
        half=top.half[:, None],
        angle=angle[:, None],
        owner=torch.tensor([_TABLE], device=draw.device),
        material=material,
        paint=paint,
        there=there[:, None],
    )
    _add_body(builder, top, material, 0.8 * paint)
    return top


def _add_body(
    builder: Builder,
    top: _TableTop,
    material: torch.Tensor,
    paint: torch.Tensor,
) -> None:
    """Add a closed body below some of the tables, down to the floor."""
    draw = builder.draw
    half_length, half_depth, thickness = top.half.unbind(-1)
    half_height = top.centre[:, 2] / 2
    zero = torch.zeros_like(half_height)
    down = torch.stack(
        [
            zero,
            zero,
            half_height + thickness,
        ],
        -1,
    )
    half = torch.stack(
        [
            0.92 * half_length,
            0.9 * half_depth,
            half_height,
        ],
        -1,
    )
    builder.add(
        BOX,
        centre=(top.centre - down)[:, None],
        half=half[:, None],
        angle=top.angle[:, None],
        owner=torch.tensor([_TABLE], device=draw.device),
        material=material,
        paint=paint,
        there=(top.there & draw.chance(0.3))[:, None],
    )


def _add_on_table(
    builder: Builder,
    number: int,
    top: _TableTop,
    half_width: torch.Tensor,
    half_height: torch.Tensor,
    material: torch.Tensor,
) -> None:
    """Add one thing on the table: its kind is that of the slot `number` of _ON_TABLE."""
    draw = builder.draw
    kind = _ON_TABLE[number]
    top_length, top_depth, top_thickness = top.half.unbind(-1)
    # only balls can be crowns of leaves, which are larger and stand on a stem
    is_leafy = (material == things.LEAVES) & (kind == BALL)
    is_wrong = (material == things.LEAVES) & ~is_leafy
    material = torch.where(is_wrong, things.PLAIN, material)

    radius = half_width * torch.where(
        is_leafy,
        2.0,
        0.5 if kind == TUBE else 1.0,
    )
    half_depth = radius * draw.uniform(0.5, 1.3) if kind == BOX else radius
    half_height = half_height * torch.where(is_leafy, 1.3, 1.0)
    x = draw.uniform(-0.95, 0.95) * top_length
    y = draw.uniform(-0.8, 0.95) * top_depth
    z = top_thickness + half_height + is_leafy * 0.12
    place = torch.stack(
        [
            x,
            y,
            z,
        ],
        -1,
    )
    centre = turned(place[:, None], top.angle) + top.centre[:, None]

    paint = paints(draw, 1)
    green = draw.shade((0.2, 0.33, 0.12), 0.5, 1.7)
    paint = torch.where(
        is_leafy[:, None, None],
        green,
        paint,
    )
    builder.add(
        kind,
        centre=centre,
        half=torch.stack([radius, half_depth, half_height], -1)[:, None],
        angle=top.angle[:, None] + draw.normal(0, 0.6, 1),
        owner=torch.tensor([_TABLE + 1 + number], device=draw.device),
        material=material[:, None],
        paint=paint,
        there=(top.there & draw.chance(0.5))[:, None],
    )
