"""Rooms and corridors about the camera: walls, the pictures and windows on them, and lamps."""

import math

import torch

from . import things
from .builder import Builder, Room, paints, turned
from .raycast import BOX, GROUND, ROOM

_PICTURES = 5  # slots on the walls of a room
_LAMPS = 2  # slots on its ceiling
_PICTURE_THICKNESS = 0.03  # metres, half of it
_LIT = 2.0  # brightness of windows and lamps, in that of white paper
# Weights of the materials of a room's walls, in the order of `things`: brick, plaster, boards, ...
_WALL_MATERIALS = (0.0, 0.12, 0.7, 0.06, 0, 0.04, 0.08)


def add_room(
    builder: Builder,
    is_room: torch.Tensor,
    is_corridor: torch.Tensor,
    turn: torch.Tensor,
) -> Room:
    """Add the room about the camera and return it."""
    draw = builder.draw
    room = _size(builder, is_corridor)
    material = draw.pick(_WALL_MATERIALS)[:, None]
    # many rooms are whitewashed
    is_bright = draw.chance(0.5, 1, 1)
    bright = 1.1 * draw.uniform(0.8, 1, 1, 1)
    brightness = torch.where(is_bright, bright, 1.0)
    paint = brightness * paints(draw, 1, 0.4)
    builder.add(
        ROOM,
        centre=turned(room.centre[:, None], turn),
        half=room.half[:, None],
        angle=turn[:, None],
        # the ground's, because nothing is seen behind a room
        owner=_of_the_ground(builder, 1),
        material=material,
        paint=paint,
        there=is_room[:, None],
    )
    return room


def _size(builder: Builder, is_corridor: torch.Tensor) -> Room:
    """Draw the size of a room, and the camera's place in it."""
    draw = builder.draw
    narrow = draw.uniform(0.7, 1.5)
    wide = draw.uniform(1.3, 3.8)
    half_width = torch.where(is_corridor, narrow, wide)
    long = draw.uniform(4, 15)
    short = draw.uniform(1.6, 5)
    half_length = torch.where(is_corridor, long, short)
    usual = draw.uniform(2.2, 3.3) / 2
    half_height = usual + 0.5 * draw.chance(0.08) * draw.uniform(1, 6)

    # the camera stands anywhere between the side walls, and rather at the near end
    across = draw.uniform(-0.8, 0.8) * half_width
    at_end = draw.uniform(-0.98, -0.5)
    anywhere = draw.uniform(-0.97, 0.2)
    along = torch.where(is_corridor, at_end, anywhere) * half_length
    return Room(
        centre=torch.stack([-across, -along, half_height], -1),
        half=torch.stack([half_width, half_length, half_height], -1),
    )


def add_wall_pictures(
    builder: Builder,
    is_room: torch.Tensor,
    turn: torch.Tensor,
    room: Room,
) -> None:
    """Add posters, doors and bright windows, flat on a room's walls."""
    draw = builder.draw
    slots = _PICTURES
    centre_x, centre_y, _ = room.centre.split(1, dim=1)
    half_x, half_y, _ = room.half.split(1, dim=1)

    # on the far wall or on one of the side walls
    is_ahead = draw.chance(0.5, slots)
    along = draw.uniform(-0.85, 0.95, slots)
    side = draw.sign(slots)
    x = torch.where(
        is_ahead,
        along * half_x,
        side * half_x,
    )
    y = torch.where(is_ahead, half_y, along * half_y)

    is_door, z, half = _picture_sizes(builder)
    angle = turn[:, None] + torch.where(is_ahead, 0.0, math.pi / 2)
    is_window = draw.chance(0.3, slots)
    material = torch.where(
        is_window | is_door,
        things.PLAIN,
        things.POSTER,
    )
    light = _LIT * draw.uniform(0.6, 1, slots, 1)
    paint = torch.where(
        is_window[..., None],
        light,
        paints(draw, slots),
    )
    place = torch.stack(
        [
            x + centre_x,
            y + centre_y,
            z,
        ],
        -1,
    )
    builder.add(
        BOX,
        centre=turned(place, turn),
        half=half,
        angle=angle,
        owner=_of_the_ground(builder, slots),
        material=material,
        paint=paint,
        there=is_room[:, None] & draw.chance(0.6, slots),
    )


def _picture_sizes(builder: Builder) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw which pictures are doors, the heights of all above the floor, and their half sizes."""
    draw = builder.draw
    slots = _PICTURES
    half_height = draw.uniform(0.2, 0.8, slots)
    is_door = draw.chance(0.25, slots)
    # a door of two metres stands on the floor
    half_height = torch.where(is_door, 1.0, half_height)
    z = torch.where(is_door, 1.0, draw.uniform(1.1, 1.8, slots))
    half = torch.stack(
        [
            draw.uniform(0.2, 0.7, slots),
            torch.full_like(half_height, _PICTURE_THICKNESS),
            half_height,
        ],
        -1,
    )
    return is_door, z, half


def add_lamps(
    builder: Builder,
    is_room: torch.Tensor,
    turn: torch.Tensor,
    room: Room,
) -> None:
    """Add lamps on a room's ceiling."""
    draw = builder.draw
    slots = _LAMPS
    # places as parts of the room's half sizes
    spread = torch.stack(
        [
            draw.uniform(-0.5, 0.5, slots),
            draw.uniform(-0.3, 0.9, slots),
            torch.ones(draw.batch, slots, device=draw.device),
        ],
        -1,
    )
    place = room.centre[:, None] + spread * room.half[:, None]
    half = torch.stack(
        [
            draw.uniform(0.1, 0.6, slots),
            draw.uniform(0.1, 0.6, slots),
            draw.uniform(0.01, 0.15, slots),
        ],
        -1,
    )
    there = is_room[:, None] & draw.chance(0.35, slots)
    light = _LIT * draw.uniform(0.5, 1, slots, 1)
    builder.add(
        BOX,
        centre=turned(place, turn),
        half=half,
        angle=turn[:, None].expand(-1, slots),
        owner=_of_the_ground(builder, slots),
        material=torch.full((draw.batch, slots), things.PLAIN, device=draw.device),
        paint=light.expand(-1, -1, 3),
        there=there,
    )


def _of_the_ground(builder: Builder, slots: int) -> torch.Tensor:
    return torch.full(
        (slots,),
        GROUND,
        dtype=torch.int64,
        device=builder.draw.device,
    )
