"""The training scenes: streets, squares, landscapes, rooms, corridors and things close by, with the camera that looks at them.

World: metres, z up, the ground z = 0, the camera above the origin, looking along +y before pitch and roll.
"""

import math
from typing import NamedTuple

import torch

from . import things
from .draw import Draw
from .raycast import BALL, BOX, GABLE, ROOM, TUBE, Solids

STREET, SQUARE, LANDSCAPE, CLOSE, INDOORS, CORRIDOR = range(6)
KIND_WEIGHTS = (0.25, 0.19, 0.09, 0.11, 0.29, 0.07)
_BUILDINGS, _HILLS, _THINGS, _PICTURES, _LAMPS = 8, 2, 10, 5, 2
_ON_TABLES = (BOX,) * 4 + (BALL,) * 3 + (TUBE,) * 3
_TABLES = 0.22  # of the rooms: seen over a table-top, as if it were the floor
_STYLES = (
    0.57,
    0.17,
    0.07,
    0.03,
    0.16,
)  # of a row: facades, brick, plaster, boards, and trees as a wall of leaves
_ABSENT = 1e-3  # metres: the half size of what is not there, so that nothing divides by 0


class Camera(NamedTuple):
    """Where a batch of pictures is taken from."""

    focal: torch.Tensor  # (B,) of the longer side
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
    turn: torch.Tensor  # (B,) radians: the way a street or a room runs, from the camera's
    width: torch.Tensor  # (B,) metres from the middle of a street to its houses

    @property
    def indoors(self) -> torch.Tensor:
        """(B,) bool."""
        return self.kind >= INDOORS


class _Builder:
    """Collects slots; each call adds as many as the second axis of its arguments has."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.slots: list[tuple[torch.Tensor, ...]] = []

    def add(
        self,
        kind: int,
        centre: torch.Tensor,
        half: torch.Tensor,
        angle: torch.Tensor,
        owner: torch.Tensor,
        material: torch.Tensor,
        paint: torch.Tensor,
        there: torch.Tensor,
    ) -> None:
        """Add slots of one kind; (B, S) or (B, S, 3) each, owner (S,)."""
        turn = torch.stack([angle.cos(), angle.sin()], dim=-1)
        count, slots = there.shape
        kinds = torch.full((slots,), kind, device=there.device)
        # Crowns and shrubs: each uneven in its own way, some hardly.
        uneven = (
            (material == things.LEAVES) * self.draw.uniform(0.1, 1, slots)
            if kind == BALL
            else torch.zeros_like(angle)
        )
        half, owner = half.clamp_min(_ABSENT), owner.expand(count, -1)
        self.slots.append(
            (
                kinds,
                centre,
                half,
                turn.expand(count, slots, 2),
                owner,
                there,
                uneven.expand(count, -1),
                material,
                paint,
            )
        )

    def build(self) -> tuple[Solids, torch.Tensor, torch.Tensor]:
        """The solids, their materials and paints."""
        columns = list(zip(*self.slots, strict=True))
        solids = Solids(
            torch.cat(columns[0]), *(torch.cat(column, dim=1) for column in columns[1:7])
        )
        return solids, torch.cat(columns[7], dim=1), torch.cat(columns[8], dim=1)


def sample(draw: Draw) -> Scenes:
    """Draw a batch of scenes."""
    kind = draw.pick(KIND_WEIGHTS)
    tabled = draw.chance(_TABLES) & (kind == INDOORS)
    camera = _camera(draw, kind, tabled)
    builder = _Builder(draw)
    turn = torch.where(kind == INDOORS, draw.normal(0, 0.6), draw.normal(0, 0.22))
    room = _room(builder, kind, turn)
    width = draw.uniform(3.5, 12)
    _buildings(builder, kind, turn, width)
    _hills(builder, kind)
    _pictures(builder, kind, turn, room)
    _put_things(builder, kind, turn, room, width)
    _table_top(builder, tabled, camera.height)
    solids, material, paint = builder.build()
    return Scenes(solids, material, paint, kind, camera, turn, width)


def _camera(draw: Draw, kind: torch.Tensor, tabled: torch.Tensor) -> Camera:
    """Heights, tilts and lenses as photographers have them; some extremes of each."""
    indoors = kind >= INDOORS
    usual = torch.where(
        indoors, draw.normal(1.3, 0.28).clamp(0.4, 1.9), 1.6 * draw.normal(0, 0.1).exp()
    )
    height = torch.where(draw.chance(0.15), draw.uniform(0.4, 1.9), usual)
    height = torch.where(tabled, draw.uniform(0.95, 1.7), height)
    drone = draw.chance(0.06) & ~indoors
    height = torch.where(drone, draw.uniform(3, 25), height)
    pitch = torch.where(indoors, draw.normal(-11, 9), draw.normal(0.5, 5))
    pitch = torch.where(kind == CLOSE, draw.normal(-16, 10), pitch)
    pitch = torch.where(tabled, draw.normal(-14, 8), pitch)
    pitch = torch.where(draw.chance(0.2), draw.uniform(-40, 30), pitch)
    pitch = torch.where(drone, draw.uniform(-40, 0), pitch).clamp(-42, 32).deg2rad()
    roll = torch.where(draw.chance(0.12), draw.normal(0, 6), draw.normal(0, 1.2)).deg2rad()
    focal = 0.5 / torch.tan(draw.uniform(32, 92).deg2rad() / 2)
    zero, one = torch.zeros_like(pitch), torch.ones_like(pitch)
    level = torch.tensor([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]], device=draw.device)
    tilt = _matrix(one, zero, zero, zero, pitch.cos(), -pitch.sin(), zero, pitch.sin(), pitch.cos())
    spin = _matrix(roll.cos(), -roll.sin(), zero, roll.sin(), roll.cos(), zero, zero, zero, one)
    return Camera(focal, tilt @ level @ spin, height)


def _matrix(*entries: torch.Tensor) -> torch.Tensor:
    """(B, 3, 3) of nine (B,)."""
    return torch.stack(entries, dim=-1).reshape(-1, 3, 3)


def _turned(place: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Rotate (B, S, 3) points about z by (B,) angles."""
    cosine, sine = angle.cos()[:, None], angle.sin()[:, None]
    x, y, z = place.unbind(-1)
    return torch.stack([x * cosine - y * sine, x * sine + y * cosine, z], dim=-1)


def _paints(draw: Draw, slots: int, low: float = 0.12, high: float = 0.9) -> torch.Tensor:
    """Colours of walls and things, (B, S, 3): a grey with some hue; a third nearly white."""
    grey = torch.where(
        draw.chance(0.33, slots, 1),
        draw.uniform(0.7, 0.98, slots, 1),
        draw.uniform(low, high, slots, 1),
    )
    hue = draw.normal(0, 1, slots, 3) * draw.uniform(0, 0.22, slots, 1)
    return (grey * (1 + hue)).clamp(0.02, 1)


def _room(
    builder: _Builder, kind: torch.Tensor, turn: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The room about the camera: its middle before turning, (B, 3), and half sizes, (B, 3)."""
    draw, corridor = builder.draw, (kind == CORRIDOR)
    wide = torch.where(corridor, draw.uniform(0.7, 1.5), draw.uniform(1.3, 3.8))
    long = torch.where(corridor, draw.uniform(4, 15), draw.uniform(1.6, 5))
    high = draw.uniform(2.2, 3.3) / 2 + 0.5 * draw.chance(0.08) * draw.uniform(1, 6)
    across = draw.uniform(-0.8, 0.8) * wide
    along = torch.where(corridor, draw.uniform(-0.98, -0.5), draw.uniform(-0.97, 0.2)) * long
    centre, half = torch.stack([-across, -along, high], -1), torch.stack([wide, long, high], -1)
    material = draw.pick([0.0, 0.12, 0.7, 0.06, 0, 0.04, 0.08])[:, None]
    owner = torch.zeros(
        1, dtype=torch.int64, device=draw.device
    )  # the ground's: nothing is seen behind a room
    white = torch.where(draw.chance(0.5, 1, 1), 1.1 * draw.uniform(0.8, 1, 1, 1), 1.0) * _paints(
        draw, 1, 0.4
    )
    there = (kind >= INDOORS)[:, None]
    builder.add(
        ROOM,
        _turned(centre[:, None], turn),
        half[:, None],
        turn[:, None],
        owner,
        material,
        white,
        there,
    )
    return centre, half


def _buildings(
    builder: _Builder, kind: torch.Tensor, turn: torch.Tensor, width: torch.Tensor
) -> None:
    """Two rows of houses or trees, a square with a facade ahead, or scattered houses; some with gables."""
    draw, n = builder.draw, _BUILDINGS
    street, square, land = ((kind == k)[:, None] for k in (STREET, SQUARE, LANDSCAPE))
    side = torch.tensor([-1.0, 1.0] * (n // 2), device=draw.device)
    long = draw.uniform(3, 11, n)
    along = (
        torch.stack([long[:, 0::2].cumsum(1), long[:, 1::2].cumsum(1)], -1).reshape(-1, n) * 2.15
        - long
    )
    along = along + draw.uniform(-4, 4, 2).repeat(1, n // 2)
    deep = torch.where(street, draw.uniform(3.5, 7, n), draw.uniform(4, 15, n))
    setback = (width[:, None] + draw.uniform(0, 1.5, n) + deep) * side + draw.uniform(-0.6, 0.6)[
        :, None
    ] * width[:, None]
    far = torch.where(land, draw.uniform(3.2, 4.8, n), draw.uniform(2.3, 3.9, n)).exp()
    x = torch.where(street, setback, far * draw.uniform(-0.75, 0.75, n))
    y = torch.where(street, along, far + long)
    first = torch.arange(n, device=draw.device) == 0
    facade = square & first & draw.chance(0.75, 1)
    x, y = (
        torch.where(facade, draw.uniform(-6, 6, n), x),
        torch.where(facade, draw.uniform(5, 24, n) + long, y),
    )
    deep = torch.where(facade, draw.uniform(8, 26, n), deep)
    high = torch.where(
        land, draw.uniform(1.3, 3.5, n), draw.normal(1.35, 0.45, n).exp().clamp(1.4, 22)
    )
    spin = torch.where(
        street,
        turn[:, None],
        torch.where(facade, draw.normal(0, 0.35, n), draw.uniform(-0.8, 0.8, n)),
    )
    spin = torch.where(draw.chance(0.4, 1) & square, spin[:, :1], spin)
    there = street | (square & (draw.chance(0.6, n) | first)) | (land & draw.chance(0.4, n))
    place = torch.stack([x, y, high], -1)
    place = torch.where(street[..., None], _turned(place, turn), place)
    there = there & _clear(place, (long**2 + deep**2).sqrt() * torch.where(street, 0.0, 1.0))
    owner = 2 + torch.arange(n, device=draw.device)
    style = torch.stack([draw.pick(_STYLES) for _ in range(2)], -1).repeat(
        1, n // 2
    )  # a row of trees faces one of houses
    green = torch.tensor([0.2, 0.3, 0.12], device=draw.device) * draw.uniform(0.4, 1.7, n, 1)
    wood = style == things.LEAVES
    paint = torch.where(wood[..., None], green, _paints(draw, n))
    half = torch.stack([deep, long, high], -1)
    builder.add(BOX, place, half, spin, owner, style, paint, there)
    roof = there & ~wood & (draw.chance(0.6, n) & (draw.chance(0.5, 1) | land))
    top, eaves = place * torch.tensor([1.0, 1.0, 2.0], device=draw.device), half * 1.06
    eaves = torch.stack(
        [eaves[..., 0], eaves[..., 1], draw.uniform(0.35, 0.8, n) * eaves[..., 1]], -1
    )
    tiles = torch.full_like(style, things.TILES)
    builder.add(GABLE, top, eaves, spin, owner, tiles, _paints(draw, n, 0.1, 0.5), roof)
    front = street & there & ~wood & draw.chance(0.5, n)
    _bays(builder, place, half, spin, side.expand_as(spin), turn, front)


def _bays(
    builder: _Builder,
    place: torch.Tensor,
    half: torch.Tensor,
    spin: torch.Tensor,
    side: torch.Tensor,
    turn: torch.Tensor,
    there: torch.Tensor,
) -> None:
    """Balconies, bays, awnings and signs on the fronts of a street's houses, one each."""
    draw, n = builder.draw, there.shape[1]
    flat = draw.chance(0.6, n)  # awnings and balconies; bays are tall
    size = torch.stack(
        [
            draw.uniform(0.1, 0.9, n),
            draw.uniform(0.4, 2, n),
            torch.where(flat, 0.3, 2.2) * draw.uniform(0.3, 1, n),
        ],
        -1,
    )
    across = torch.zeros_like(spin)
    front = torch.stack(
        [-side * half[..., 0], half[..., 1] * draw.uniform(-0.8, 0.8, n), across], -1
    )
    at = place + _turned(front, turn)
    at = torch.stack(
        [at[..., 0], at[..., 1], 2.4 + size[..., 2] + half[..., 2] * draw.uniform(0, 1.2, n)], -1
    )
    material = torch.where(
        draw.chance(0.5, n),
        things.PLAIN,
        torch.where(draw.chance(0.5, n), things.CLOTH, things.BRICK),
    )
    owner = 10 + torch.arange(n, device=draw.device)
    builder.add(BOX, at, size, spin, owner, material, _paints(draw, n), there)


def _clear(place: torch.Tensor, reach: torch.Tensor) -> torch.Tensor:
    """Whether things keep off the camera: (B, S) bool."""
    return place[..., :2].norm(dim=-1) > reach + 0.5


def _hills(builder: _Builder, kind: torch.Tensor) -> None:
    """Far hills as flat balls, half sunk."""
    draw, n = builder.draw, _HILLS
    far = draw.uniform(90, 220, n)
    centre = torch.stack([far * draw.uniform(-0.7, 0.7, n), far, torch.zeros_like(far)], -1)
    half = torch.stack(
        [far * draw.uniform(0.3, 1.2, n), far * 0.4, far * draw.uniform(0.05, 0.3, n)], -1
    )
    there = (kind == LANDSCAPE)[:, None] & draw.chance(0.7, n) | (kind < INDOORS)[
        :, None
    ] & draw.chance(0.1, n)
    leaves = torch.where(draw.chance(0.7, n), things.LEAVES, things.ROUGH)
    green = torch.tensor([0.22, 0.32, 0.14], device=draw.device) * draw.uniform(0.5, 1.6, n, 1)
    builder.add(
        BALL,
        centre,
        half,
        torch.zeros_like(far),
        20 + torch.arange(n, device=draw.device),
        leaves,
        green,
        there,
    )


def _pictures(
    builder: _Builder,
    kind: torch.Tensor,
    turn: torch.Tensor,
    room: tuple[torch.Tensor, torch.Tensor],
) -> None:
    """Posters, doors and bright windows, flat on a room's walls, and lamps on its ceiling."""
    draw, n = builder.draw, _PICTURES
    centre, half = room
    ahead = draw.chance(0.5, n)
    along, side = draw.uniform(-0.85, 0.95, n), draw.sign(n)
    x = torch.where(ahead, along * half[:, :1], side * half[:, :1])
    y = torch.where(ahead, half[:, 1:2], along * half[:, 1:2])
    tall = draw.uniform(0.2, 0.8, n)
    door = draw.chance(0.25, n)
    tall = torch.where(door, 1.0, tall)
    z = torch.where(door, 1.0, draw.uniform(1.1, 1.8, n))
    size = torch.stack([draw.uniform(0.2, 0.7, n), torch.full_like(tall, 0.03), tall], -1)
    spin = turn[:, None] + torch.where(ahead, 0.0, math.pi / 2)
    window = draw.chance(0.3, n)
    material = torch.where(window | door, things.PLAIN, things.POSTER)
    paint = torch.where(window[..., None], 2.0 * draw.uniform(0.6, 1, n, 1), _paints(draw, n))
    place = _turned(torch.stack([x + centre[:, :1], y + centre[:, 1:2], z], -1), turn)
    there = (kind >= INDOORS)[:, None] & draw.chance(0.6, n)
    builder.add(
        BOX,
        place,
        size,
        spin,
        torch.zeros(n, dtype=torch.int64, device=draw.device),
        material,
        paint,
        there,
    )
    n = _LAMPS
    spread = torch.stack(
        [
            draw.uniform(-0.5, 0.5, n),
            draw.uniform(-0.3, 0.9, n),
            torch.ones(draw.batch, n, device=draw.device),
        ],
        -1,
    )
    place = _turned(centre[:, None] + spread * half[:, None], turn)
    size = torch.stack(
        [draw.uniform(0.1, 0.6, n), draw.uniform(0.1, 0.6, n), draw.uniform(0.01, 0.15, n)], -1
    )
    plain = torch.full((draw.batch, n), things.PLAIN, device=draw.device)
    there = (kind >= INDOORS)[:, None] & draw.chance(0.35, n)
    ceiling = torch.zeros(n, dtype=torch.int64, device=draw.device)
    bright = 2.0 * draw.uniform(0.5, 1, n, 1).expand(-1, -1, 3)
    builder.add(BOX, place, size, turn[:, None].expand(-1, n), ceiling, plain, bright, there)


def _put_things(
    builder: _Builder,
    kind: torch.Tensor,
    turn: torch.Tensor,
    room: tuple[torch.Tensor, torch.Tensor],
    width: torch.Tensor,
) -> None:
    """Cars, people, trees, furniture: about the street, along a room's walls or before the lens."""
    draw, n = builder.draw, _THINGS
    indoors, close, street = kind >= INDOORS, (kind == CLOSE)[:, None], (kind == STREET)[:, None]
    centre, half = room
    inside = torch.tensor(things.INSIDE_WEIGHTS, device=draw.device)
    outside, near = (
        torch.tensor(w, device=draw.device) for w in (things.OUTSIDE_WEIGHTS, things.CLOSE_WEIGHTS)
    )
    weights = torch.where(indoors[:, None], inside, torch.where(close, near, outside))
    table = torch.tensor(things.TABLE, dtype=torch.float32, device=draw.device)
    far = torch.where(close, draw.uniform(0.4, 2.0, n), draw.uniform(1.0, 3.5, n)).exp()
    x = torch.where(
        street, width[:, None] * draw.uniform(-1.1, 1.1, n), far * draw.uniform(-0.6, 0.6, n)
    )
    place = torch.stack([x, far, torch.zeros_like(far)], -1)
    wall = draw.pick([1.0] * 3)[:, None].expand(-1, n).roll(1, 0)
    wall = (wall + torch.arange(n, device=draw.device)) % 4  # left, right, ahead, anywhere
    a, b = draw.uniform(-0.9, 0.9, n), draw.uniform(-0.9, 0.9, n)
    inset = 1 - 0.45 / half
    rx = (
        torch.where(wall == 0, -inset[:, :1], torch.where(wall == 1, inset[:, :1], a)) * half[:, :1]
        + centre[:, :1]
    )
    ry = torch.where(wall == 2, inset[:, 1:2], b) * half[:, 1:2] + centre[:, 1:2]
    within = torch.stack([rx, ry, torch.zeros_like(rx)], -1)
    placed = torch.where(indoors[:, None, None], within, place)
    placed = torch.where((indoors[:, None] | street)[..., None], _turned(placed, turn), placed)
    against = torch.tensor([0.5, -0.5, 0, 0], device=draw.device)[wall] * math.pi
    spin = torch.where(
        indoors[:, None], turn[:, None] + against, turn[:, None] + draw.normal(0, 0.1, n)
    )
    spin = torch.where(draw.chance(0.3, n), draw.uniform(0, 2 * math.pi, n), spin)
    there = draw.chance(
        0.35 + 0.55 * torch.rand(n, generator=draw.generator, device=draw.device), n
    )
    there = (
        there
        & _clear(placed, torch.full_like(far, 0.6))
        & ~((kind == LANDSCAPE)[:, None] & draw.chance(0.4, n))
    )
    size, paint = draw.normal(0, 0.13, n, 3).exp(), _paints(draw, n)
    leaves = torch.tensor([0.2, 0.33, 0.12], device=draw.device) * draw.uniform(0.5, 1.7, n, 1)
    for i in range(n):
        parts = table[draw.pick(weights)]  # (B, 6, 7)
        _put(
            builder,
            i,
            parts,
            placed[:, i],
            spin[:, i],
            size[:, i],
            paint[:, i],
            leaves[:, i],
            there[:, i],
        )


def _table_top(builder: _Builder, there: torch.Tensor, camera_height: torch.Tensor) -> None:
    """A table right before the camera with bottles, books, vases, bowls and plants on it."""
    draw, n = builder.draw, len(_ON_TABLES)
    spin = torch.where(draw.chance(0.7), draw.normal(0, 0.15), draw.uniform(-1, 1))
    high = torch.minimum(draw.uniform(0.4, 0.95), camera_height - 0.2)
    long, deep = draw.uniform(0.4, 1.2), draw.uniform(0.3, 0.8)
    middle = torch.stack([draw.uniform(-0.4, 0.4), deep + draw.uniform(-0.3, 0.5), high], -1)
    zero = torch.zeros_like(high)
    board = torch.stack([long, deep, draw.uniform(0.01, 0.04)], -1)
    body = torch.stack([0.92 * long, 0.9 * deep, high / 2], -1)
    paint = _paints(draw, 1)
    brown = torch.tensor([0.62, 0.45, 0.28], device=draw.device) * draw.uniform(0.4, 1.5, 1, 1)
    paint = torch.where(draw.chance(0.6, 1, 1), brown, paint)
    wood = draw.pick([0, 0, 0.25, 0.6, 0, 0.1, 0.05])[:, None]
    owner = torch.tensor([50], device=draw.device)
    builder.add(
        BOX, middle[:, None], board[:, None], spin[:, None], owner, wood, paint, there[:, None]
    )
    below = (middle - torch.stack([zero, zero, high / 2 + board[:, 2]], -1))[:, None]
    closed = (there & draw.chance(0.3))[:, None]
    builder.add(BOX, below, body[:, None], spin[:, None], owner, wood, 0.8 * paint, closed)
    wide, tall = draw.uniform(0.03, 0.13, n), draw.uniform(0.015, 0.16, n)
    style = torch.stack([draw.pick([0, 0, 3, 0.5, 1.5, 1, 0, 2, 0, 1]) for _ in range(n)], -1)
    for i, kind in enumerate(_ON_TABLES):
        leafy = (style[:, i] == things.LEAVES) & (kind == BALL)
        material = torch.where((style[:, i] == things.LEAVES) & ~leafy, things.PLAIN, style[:, i])[
            :, None
        ]
        radius = wide[:, i] * torch.where(leafy, 2.0, 0.5 if kind == TUBE else 1.0)
        depth = radius * draw.uniform(0.5, 1.3) if kind == BOX else radius
        size = torch.stack([radius, depth, tall[:, i] * torch.where(leafy, 1.3, 1.0)], -1)
        place = torch.stack(
            [
                draw.uniform(-0.95, 0.95) * long,
                draw.uniform(-0.8, 0.95) * deep,
                board[:, 2] + size[:, 2],
            ],
            -1,
        )
        place = place + torch.stack([zero, zero, leafy * 0.12], -1)
        centre = _turned(place[:, None], spin) + middle[:, None]
        colour = _paints(draw, 1)
        green = torch.tensor([0.2, 0.33, 0.12], device=draw.device) * draw.uniform(0.5, 1.7, 1, 1)
        colour = torch.where(leafy[:, None, None], green, colour)
        turned = spin[:, None] + draw.normal(0, 0.6, 1)
        builder.add(
            kind,
            centre,
            size[:, None],
            turned,
            owner + 1 + i,
            material,
            colour,
            (there & draw.chance(0.5))[:, None],
        )


def _put(
    builder: _Builder,
    number: int,
    parts: torch.Tensor,
    place: torch.Tensor,
    spin: torch.Tensor,
    size: torch.Tensor,
    paint: torch.Tensor,
    leaves: torch.Tensor,
    there: torch.Tensor,
) -> None:
    """One thing a scene: its parts (B, 6, 7) scaled, turned and stood at its place."""
    draw = builder.draw
    size = torch.stack([size[:, 0], size[:, 0], size[:, 1]], -1)[:, None]  # round things stay round
    offset, half, material = parts[..., :3] * size, parts[..., 3:6] * size, parts[..., 6].long()
    centre = _turned(offset, spin) + place[:, None]
    colours = paint[:, None] * draw.uniform(0.45, 1.2, 6, 1)
    colours = torch.where(
        (material == things.LEAVES)[..., None],
        leaves[:, None] * draw.uniform(0.8, 1.2, 6, 1),
        colours,
    )
    colours = torch.where(
        (material == things.GLASS)[..., None], 0.12 * draw.uniform(0.4, 2.5, 6, 1), colours
    )
    colours = torch.where((material == things.TYRE)[..., None], 0.1, colours)
    owner = torch.tensor([30 + number], device=draw.device)
    present = there[:, None] & (half[..., 0] > 0)
    for part, solid in enumerate(things.PARTS):
        one = slice(part, part + 1)
        builder.add(
            solid,
            centre[:, one],
            half[:, one],
            spin[:, None],
            owner,
            material[:, one],
            colours[:, one],
            present[:, one],
        )
