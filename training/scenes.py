"""The training scenes, with the camera that looks at them.

They are streets, squares, landscapes, rooms, corridors and things close by. World: metres, z up,
the ground z = 0, the camera above the origin, looking along +y before pitch and roll.
"""

from typing import NamedTuple

import torch

from .builder import Builder
from .draw import Draw
from .furnishing import add_table_top, add_things
from .outdoors import add_buildings, add_hills
from .raycast import Solids
from .rooms import add_lamps, add_room, add_wall_pictures

STREET, SQUARE, LANDSCAPE, CLOSE, INDOORS, CORRIDOR = range(6)  # kinds; from INDOORS on, rooms
KIND_WEIGHTS = (0.25, 0.19, 0.09, 0.11, 0.29, 0.07)  # how often each kind is drawn
_TABLES = 0.22  # share of the rooms that are seen over a table-top, as if it were the floor


class Camera(NamedTuple):
    """The cameras of a batch of pictures."""

    focal: torch.Tensor  # (B,) focal length in units of the longer side
    rotation: torch.Tensor  # (B, 3, 3) world_from_camera, OpenCV axes
    height: torch.Tensor  # (B,) metres

    @property
    def up(self) -> torch.Tensor:
        """The world's up in the camera's axes, (B, 3)."""
        return self.rotation[:, 2]


class Scenes(NamedTuple):
    """A batch of scenes."""

    solids: Solids
    material: torch.Tensor  # (B, P) int64
    paint: torch.Tensor  # (B, P, 3) 0..1, above it for lamps and windows
    kind: torch.Tensor  # (B,) int64
    camera: Camera
    turn: torch.Tensor  # (B,) radians: the direction of a street or a room, from the camera's
    width: torch.Tensor  # (B,) metres from the middle of a street to its houses

    @property
    def indoors(self) -> torch.Tensor:
        """True for rooms and corridors, (B,) bool."""
        return self.kind >= INDOORS


def sample(draw: Draw) -> Scenes:
    """Draw a batch of scenes."""
    kind = draw.pick(KIND_WEIGHTS)
    over_table = draw.chance(_TABLES) & (kind == INDOORS)
    camera = _camera(draw, kind, over_table)
    turn = torch.where(
        kind == INDOORS,
        draw.normal(0, 0.6),
        draw.normal(0, 0.22),
    )

    # every scene has the slots of all kinds; `there` says which of them it uses
    builder = Builder(draw)
    is_room = kind >= INDOORS
    room = add_room(builder, is_room, kind == CORRIDOR, turn)
    width = draw.uniform(3.5, 12)
    add_buildings(
        builder,
        is_street=kind == STREET,
        is_square=kind == SQUARE,
        is_landscape=kind == LANDSCAPE,
        turn=turn,
        width=width,
    )
    add_hills(builder, kind == LANDSCAPE, ~is_room)
    add_wall_pictures(builder, is_room, turn, room)
    add_lamps(builder, is_room, turn, room)
    add_things(
        builder,
        is_room=is_room,
        is_close=kind == CLOSE,
        is_street=kind == STREET,
        is_landscape=kind == LANDSCAPE,
        turn=turn,
        room=room,
        width=width,
    )
    add_table_top(builder, over_table, camera.height)
    solids, material, paint = builder.build()
    return Scenes(solids, material, paint, kind, camera, turn, width)


def _camera(draw: Draw, kind: torch.Tensor, over_table: torch.Tensor) -> Camera:
    """Draw heights, tilts and lenses as photographers have them, and some extremes of each."""
    indoors = kind >= INDOORS
    is_drone, height = _height(draw, indoors, over_table)
    pitch = _pitch(draw, indoors, kind == CLOSE, over_table, is_drone)
    is_careless = draw.chance(0.12)
    careless = draw.normal(0, 6)
    careful = draw.normal(0, 1.2)
    roll = torch.where(is_careless, careless, careful).deg2rad()
    field_of_view = draw.uniform(32, 92).deg2rad()
    focal = 0.5 / torch.tan(field_of_view / 2)
    return Camera(focal, _rotation(pitch, roll), height)


def _height(
    draw: Draw,
    indoors: torch.Tensor,
    over_table: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return which pictures a drone takes, (B,) bool, and all heights, (B,) metres."""
    inside = draw.normal(1.3, 0.28).clamp(0.4, 1.9)
    outside = 1.6 * draw.factor(0.1)
    height = torch.where(indoors, inside, outside)
    is_odd = draw.chance(0.15)
    height = torch.where(is_odd, draw.uniform(0.4, 1.9), height)
    height = torch.where(over_table, draw.uniform(0.95, 1.7), height)
    is_drone = draw.chance(0.06) & ~indoors
    height = torch.where(is_drone, draw.uniform(3, 25), height)
    return is_drone, height


def _pitch(
    draw: Draw,
    indoors: torch.Tensor,
    close: torch.Tensor,
    over_table: torch.Tensor,
    is_drone: torch.Tensor,
) -> torch.Tensor:
    """Return the tilt upwards, (B,) radians."""
    inside = draw.normal(-11, 9)
    outside = draw.normal(0.5, 5)
    pitch = torch.where(indoors, inside, outside)
    pitch = torch.where(close, draw.normal(-16, 10), pitch)
    pitch = torch.where(over_table, draw.normal(-14, 8), pitch)
    is_odd = draw.chance(0.2)
    pitch = torch.where(is_odd, draw.uniform(-40, 30), pitch)
    pitch = torch.where(is_drone, draw.uniform(-40, 0), pitch)
    return pitch.clamp(-42, 32).deg2rad()


def _rotation(pitch: torch.Tensor, roll: torch.Tensor) -> torch.Tensor:
    """Return world_from_camera, (B, 3, 3), of cameras that look along +y before pitch and roll."""
    zero = torch.zeros_like(pitch)
    one = torch.ones_like(pitch)
    # OpenCV's axes, x right, y down, z ahead, in the world
    level = torch.tensor(
        [
            [1.0, 0, 0],
            [0, 0, 1],
            [0, -1, 0],
        ],
        device=pitch.device,
    )
    tilt = _matrix(
        [one, zero, zero],
        [zero, pitch.cos(), -pitch.sin()],
        [zero, pitch.sin(), pitch.cos()],
    )
    spin = _matrix(
        [roll.cos(), -roll.sin(), zero],
        [roll.sin(), roll.cos(), zero],
        [zero, zero, one],
    )
    return tilt @ level @ spin


def _matrix(*rows: list[torch.Tensor]) -> torch.Tensor:
    """Assemble matrices (B, 3, 3) of rows of entries (B,)."""
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
