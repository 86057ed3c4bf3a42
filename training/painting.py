"""The reflectance of surfaces: their paint, their material's pattern and their weathering."""

import torch

from . import things
from .draw import Draw
from .raycast import ROOM, Hits
from .scenes import CLOSE, LANDSCAPE, SQUARE, STREET, Scenes
from .textures import pattern, weathered

_WRAP = 512.0  # metres after which patterns repeat: beyond, the hash of textures loses digits
_SEAM = (150.0, 350.0)  # metres to where they repeat, from the origin
_GOLDEN = 0.618034  # seeds of neighbouring slots are this far apart
# Weights of the materials of floors, in the order of `things`.
_FLOOR_MATERIALS = (0, 0, 0.3, 0.3, 0, 0.15, 0.25)
_WARM = (1.2, 1.0, 0.75)  # factors of a grey that make it the brown of wooden floors
_DASH = 3  # metres of a road's dashed line, and as much between
_LINE_WIDTH = 0.14  # metres of a line on a road


def albedo(
    draw: Draw,
    scenes: Scenes,
    hits: Hits,
    local_normal: torch.Tensor,
    points: torch.Tensor,
    metres: torch.Tensor,
    pixel: torch.Tensor,
) -> torch.Tensor:
    """Return the linear reflectance of each pixel's surface, (B, N, 3).

    Args:
        draw: of the batch.
        scenes: the scenes.
        hits: the surfaces.
        local_normal: (B, N, 3) normals in the frames of the solids.
        points: (B, N, 3) metres, world.
        metres: (B, N, 3) the points in the frames of the solids.
        pixel: (B, N) metres that a pixel covers.
    """
    slot = hits.slot.clamp_min(0)
    triples = slot[..., None].expand(-1, -1, 3)
    on_solid = hits.slot >= 0
    in_room = on_solid & (scenes.solids.kinds[slot] == ROOM)
    # a room's normals point outwards in its own frame
    z_normal = local_normal[..., 2]
    is_floor = ~on_solid | (in_room & (z_normal > 0.5))
    is_ceiling = in_room & (z_normal < -0.5)

    # floors and ceilings differ from the walls of their rooms
    ground_material, ground_paint = _ground(draw, scenes, points)
    material = scenes.material.gather(1, slot)
    material = torch.where(is_floor, ground_material, material)
    material = torch.where(is_ceiling, things.PLAIN, material)
    paint = scenes.paint.gather(1, triples)
    white = draw.grey(0.75, 1.0, 0.03)
    paint = torch.where(
        is_ceiling[..., None],
        white,
        paint,
    )
    paint = torch.where(
        is_floor[..., None],
        ground_paint,
        paint,
    )

    u, v = _surface_coordinates(local_normal, points, metres, is_floor)
    ground_seed = draw.uniform(0, 1, 1)
    first_seed = draw.uniform(0, 1, 1)
    solid_seed = (slot * _GOLDEN + first_seed) % 1.0
    seed = torch.where(is_floor, ground_seed, solid_seed)
    # heights of walls stay as they are, because facades begin at the ground
    shift_u = draw.uniform(*_SEAM, 1)
    shift_v = draw.uniform(*_SEAM, 1) * is_floor
    u = (u + shift_u) % _WRAP
    v = (v + shift_v) % _WRAP
    painted = paint * pattern(material, u, v, seed, pixel)
    painted = painted * weathered(draw, u, v, seed, pixel)
    return painted.square()


def _surface_coordinates(
    local_normal: torch.Tensor,
    points: torch.Tensor,
    metres: torch.Tensor,
    is_floor: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the metres along each surface and up, (B, N) each."""
    x_normal, _, z_normal = local_normal.unbind(-1)
    x, y, _ = metres.unbind(-1)
    world_x, world_y, world_z = points.unbind(-1)
    # a wall of a solid runs along its y axis if it faces the x axis
    faces_x = x_normal.abs() > 0.7
    along_wall = torch.where(faces_x, y, x)
    is_level = z_normal.abs() > 0.7
    u = torch.where(is_level, x, along_wall)
    v = torch.where(is_level, y, world_z)
    # the ground has the world's axes, so that its pattern goes on below all solids
    u = torch.where(is_floor, world_x, u)
    v = torch.where(is_floor, world_y, v)
    return u, v


def _ground(draw: Draw, scenes: Scenes, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the material (B, N) and the paint (B, N, 3) of the ground.

    It is the floor of a room, grass, or a road with pavements and lines.
    """
    indoors = scenes.indoors
    inside = draw.pick(_FLOOR_MATERIALS)
    is_paved = draw.chance(0.25)
    outside = torch.where(
        is_paved,
        things.TILES,
        things.ROUGH,
    )
    material = torch.where(indoors, inside, outside)
    material = material[:, None]
    grey = draw.grey(0.2, 0.75, 0.08)
    has_rug = indoors[:, None] & draw.chance(0.35, 1)
    is_rug = has_rug & _rectangle(draw, points)
    paint = _ground_paint(draw, scenes, grey)
    is_pavement, is_line = _road(draw, scenes, points)
    paved = paint * draw.uniform(0.7, 1.6, 1, 1)
    paint = torch.where(is_pavement[..., None], paved, paint)
    paint = torch.where(is_line[..., None], 0.9, paint)
    rug = draw.grey(0.2, 0.9, 0.2)
    paint = torch.where(
        is_rug[..., None],
        rug,
        paint,
    )
    is_woven = draw.chance(0.5, 1)
    rug_material = torch.where(
        is_woven,
        things.CLOTH,
        things.TILES,
    )
    material = torch.where(
        is_rug,
        rug_material,
        material.expand_as(is_rug),
    )
    return material, paint.clamp(0.02, 1).expand(
        -1,
        points.shape[1],
        -1,
    )


def _ground_paint(draw: Draw, scenes: Scenes, grey: torch.Tensor) -> torch.Tensor:
    """Draw the colour of the ground: grass, or a grey that is warm in many rooms, (B, 1, 3)."""
    grass = draw.shade((0.3, 0.42, 0.18), 0.5, 1.5)
    grass_share = torch.where(
        scenes.kind == LANDSCAPE,
        0.7,
        torch.where(scenes.kind == CLOSE, 0.4, 0.1),
    )
    is_grass = draw.chance(grass_share)
    warm = grey * torch.tensor(_WARM, device=draw.device)
    is_warm = scenes.indoors[:, None, None] & draw.chance(0.6, 1, 1)
    return torch.where(
        is_grass[:, None, None],
        grass,
        torch.where(is_warm, warm, grey),
    )


def _road(draw: Draw, scenes: Scenes, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return where a road has pavements and where it has lines, (B, N) bool each."""
    across_square = draw.chance(0.4)
    in_square = (scenes.kind == SQUARE) & across_square
    has_road = (scenes.kind == STREET) | in_square
    has_road = has_road[:, None]
    cosine = scenes.turn.cos()[:, None]
    sine = scenes.turn.sin()[:, None]
    x, y, _ = points.unbind(-1)
    across = x * cosine + y * sine
    across = across - draw.uniform(-2, 2, 1)
    along = y * cosine - x * sine
    to_middle = across.abs()
    half_width = scenes.width[:, None] * draw.uniform(0.5, 0.9, 1)
    is_pavement = has_road & (to_middle > half_width)
    in_dash = along % (2 * _DASH) < _DASH
    in_dash = in_dash | draw.chance(0.3, 1)
    has_lines = has_road & draw.chance(0.6, 1)
    in_line = (to_middle % draw.uniform(2.5, 4, 1)) < _LINE_WIDTH
    return is_pavement, has_lines & in_dash & in_line


def _rectangle(draw: Draw, points: torch.Tensor) -> torch.Tensor:
    """Return a rectangle on the floor ahead of the camera, (B, N) bool."""
    angle = draw.normal(0, 0.4, 1)
    cosine = angle.cos()
    sine = angle.sin()
    x, y, _ = points.unbind(-1)
    x = x - draw.uniform(-1, 1, 1)
    y = y - draw.uniform(1, 4, 1)
    across = x * cosine + y * sine
    along = y * cosine - x * sine
    in_width = across.abs() < draw.uniform(0.6, 1.6, 1)
    in_length = along.abs() < draw.uniform(0.5, 1.3, 1)
    return in_width & in_length
