"""From scenes to pictures: rays, light, haze and sky, with the truth that belongs to each pixel."""

from typing import NamedTuple

import torch

from . import things
from .draw import Draw
from .noise import noise
from .raycast import ROOM, Hits, blocked, cast, surface
from .scenes import CLOSE, LANDSCAPE, SQUARE, STREET, Camera, Scenes
from .textures import pattern, weathered

FARTHEST = 250.0  # metres: what lies beyond is sky for the network
_LIFT = 0.02  # metres off a surface where a shadow ray starts
_WRAP = 512.0  # metres after which patterns repeat: beyond, the hash of textures loses digits
_SEAM = (150.0, 350.0)  # metres to where they do
_SHADOWED = 0.6  # share of pictures with shadows


class Truth(NamedTuple):
    """A batch of pictures and what is known of them."""

    colours: torch.Tensor  # (B, 3, H, W) 0..1, sRGB-encoded
    depth: torch.Tensor  # (B, H, W) planar metres; FARTHEST in the sky
    second: torch.Tensor  # (B, H, W) planar metres of what lies behind the first surface's owner; FARTHEST where nothing
    normal: torch.Tensor  # (B, 3, H, W) camera frame, unit, facing the camera
    sky: torch.Tensor  # (B, H, W) bool
    owner: torch.Tensor  # (B, H, W) int64
    indoors: torch.Tensor  # (B,) bool
    camera: Camera


def pixel_rays(focal: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Camera rays of unit depth through pixel centres, (B, H, W, 3); focal lengths are of the longer side."""
    side = max(width, height)
    u = (torch.arange(width, device=focal.device) + 0.5 - width / 2) / side
    v = (torch.arange(height, device=focal.device) + 0.5 - height / 2) / side
    x = (u / focal[:, None])[:, None].expand(-1, height, -1)
    y = (v / focal[:, None])[:, :, None].expand(-1, -1, width)
    return torch.stack([x, y, torch.ones_like(x)], -1)


def picture(draw: Draw, scenes: Scenes, width: int, height: int) -> Truth:
    """Render a batch of scenes."""
    camera = scenes.camera
    rays = pixel_rays(camera.focal, width, height).flatten(1, 2) @ camera.rotation.transpose(1, 2)
    origin = torch.stack(
        [torch.zeros_like(camera.height), torch.zeros_like(camera.height), camera.height], -1
    )
    scenes = _in_view(scenes, origin, width, height)
    hits = cast(scenes.solids, origin, rays)
    sky = hits.depth > FARTHEST
    points = origin[:, None] + rays * hits.depth.clamp_max(FARTHEST)[..., None]
    normal, local, metres = surface(scenes.solids, hits.slot, points)
    normal = torch.where(((normal * rays).sum(-1) > 0)[..., None], -normal, normal)
    footprint = hits.depth.clamp_max(FARTHEST) / (camera.focal[:, None] * max(width, height))
    albedo = _albedo(draw, scenes, hits, local, points, metres, footprint)
    lit = albedo * _light(draw, scenes, points, normal)
    linear = _sky_and_haze(draw, scenes, lit, rays, hits.depth, sky)
    shape = (-1, height, width)
    in_camera = (normal @ camera.rotation).transpose(1, 2).reshape(-1, 3, height, width)
    return Truth(
        colours=linear.clamp_min(0).sqrt().transpose(1, 2).reshape(-1, 3, height, width),
        depth=hits.depth.clamp_max(FARTHEST).reshape(shape),
        second=hits.second.clamp_max(FARTHEST).reshape(shape),
        normal=in_camera,
        sky=sky.reshape(shape),
        owner=hits.owner.reshape(shape),
        indoors=scenes.indoors,
        camera=camera,
    )


def mirrored(truth: Truth) -> Truth:
    """The same pictures, left and right exchanged."""
    across = torch.tensor([-1.0, 1, 1], device=truth.depth.device)
    flipped = {
        name: getattr(truth, name).flip(-1)
        for name in ("colours", "depth", "second", "normal", "sky", "owner")
    }
    flipped["normal"] = flipped["normal"] * across[:, None, None]
    # A mirrored rotation is no rotation, but its third row is the mirrored up, and that is what pictures are judged by.
    camera = truth.camera._replace(rotation=truth.camera.rotation * across)
    return truth._replace(camera=camera, **flipped)


def _in_view(scenes: Scenes, origin: torch.Tensor, width: int, height: int) -> Scenes:
    """The scenes without what lies outside the view's pyramid, in as few slots as possible."""
    solids, camera = scenes.solids, scenes.camera
    at = (solids.centre - origin[:, None]) @ camera.rotation
    reach = (
        solids.half.norm(dim=-1) * 1.5
    )  # a gable's centre is its base: its ridge is farther than its half size
    seen = at[..., 2] > -reach
    for axis, side in ((0, width), (1, height)):
        slope = (0.5 * side / max(width, height) / camera.focal)[:, None]
        seen &= at[..., axis].abs() < at[..., 2] * slope + reach * (1 + slope * slope).sqrt()
    seen |= solids.kinds == ROOM
    compact, index = solids._replace(there=solids.there & seen).compact()
    paint = scenes.paint.gather(1, index[..., None].expand(-1, -1, 3))
    return scenes._replace(solids=compact, material=scenes.material.gather(1, index), paint=paint)


def _albedo(
    draw: Draw,
    scenes: Scenes,
    hits: Hits,
    local: torch.Tensor,
    points: torch.Tensor,
    metres: torch.Tensor,
    footprint: torch.Tensor,
) -> torch.Tensor:
    """Linear reflectance of each pixel's surface, (B, N, 3)."""
    slot = hits.slot.clamp_min(0)
    room = (scenes.solids.kinds[slot] == ROOM) & (hits.slot >= 0)
    floor = (hits.slot < 0) | (room & (local[..., 2] > 0.5))
    ceiling = room & (local[..., 2] < -0.5)
    ground_material, ground_paint = _ground(draw, scenes, points)
    material = torch.where(floor, ground_material, scenes.material.gather(1, slot))
    material = torch.where(ceiling, things.PLAIN, material)
    paint = scenes.paint.gather(1, slot[..., None].expand(-1, -1, 3))
    white = draw.uniform(0.75, 1.0, 1, 1) * (1 + draw.normal(0, 0.03, 1, 3))
    paint = torch.where(
        floor[..., None], ground_paint, torch.where(ceiling[..., None], white, paint)
    )
    level = local[..., 2].abs() > 0.7
    u = torch.where(
        level,
        metres[..., 0],
        torch.where(local[..., 0].abs() > 0.7, metres[..., 1], metres[..., 0]),
    )
    v = torch.where(level, metres[..., 1], points[..., 2])
    u, v = torch.where(floor, points[..., 0], u), torch.where(floor, points[..., 1], v)
    seed = torch.where(
        floor, draw.uniform(0, 1, 1), ((slot * 0.618034) + draw.uniform(0, 1, 1)) % 1.0
    )
    u, v = (u + draw.uniform(*_SEAM, 1)) % _WRAP, (v + draw.uniform(*_SEAM, 1) * floor) % _WRAP
    return (
        paint * pattern(material, u, v, seed, footprint) * weathered(draw, u, v, seed, footprint)
    ).square()


def _ground(draw: Draw, scenes: Scenes, points: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Material and paint of the ground, (B, N) and (B, N, 3): floors, grass, roads with pavements and lines."""
    indoors = scenes.indoors
    inside = draw.pick([0, 0, 0.3, 0.3, 0, 0.15, 0.25])
    outside = torch.where(draw.chance(0.25), things.TILES, things.ROUGH)
    material = torch.where(indoors, inside, outside)[:, None]
    grey = draw.uniform(0.2, 0.75, 1, 1) * (1 + 0.08 * draw.normal(0, 1, 1, 3))
    rug = indoors[:, None] & draw.chance(0.35, 1) & _patch(draw, points)
    grass = torch.tensor([0.3, 0.42, 0.18], device=draw.device) * draw.uniform(0.5, 1.5, 1, 1)
    green = draw.chance(
        torch.where(scenes.kind == LANDSCAPE, 0.7, torch.where(scenes.kind == CLOSE, 0.4, 0.1))
    )
    warm = grey * torch.tensor([1.2, 1.0, 0.75], device=draw.device)
    paint = torch.where(
        green[:, None, None],
        grass,
        torch.where(indoors[:, None, None] & draw.chance(0.6, 1, 1), warm, grey),
    )
    road = ((scenes.kind == STREET) | ((scenes.kind == SQUARE) & draw.chance(0.4)))[:, None]
    cosine, sine = scenes.turn.cos()[:, None], scenes.turn.sin()[:, None]
    across = points[..., 0] * cosine + points[..., 1] * sine - draw.uniform(-2, 2, 1)
    along = points[..., 1] * cosine - points[..., 0] * sine
    pavement = road & (across.abs() > scenes.width[:, None] * draw.uniform(0.5, 0.9, 1))
    dashed = (along % 6 < 3) | draw.chance(0.3, 1)
    line = road & draw.chance(0.6, 1) & dashed & ((across.abs() % draw.uniform(2.5, 4, 1)) < 0.14)
    paint = torch.where(pavement[..., None], paint * draw.uniform(0.7, 1.6, 1, 1), paint)
    paint = torch.where(line[..., None], 0.9, paint)
    paint = torch.where(
        rug[..., None], draw.uniform(0.2, 0.9, 1, 1) * (1 + 0.2 * draw.normal(0, 1, 1, 3)), paint
    )
    material = torch.where(
        rug, torch.where(draw.chance(0.5, 1), things.CLOTH, things.TILES), material.expand_as(rug)
    )
    return material, paint.clamp(0.02, 1).expand(-1, points.shape[1], -1)


def _patch(draw: Draw, points: torch.Tensor) -> torch.Tensor:
    """A rectangle on the floor, (B, N) bool."""
    angle = draw.normal(0, 0.4, 1)
    x, y = points[..., 0] - draw.uniform(-1, 1, 1), points[..., 1] - draw.uniform(1, 4, 1)
    across, along = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    return (across.abs() < draw.uniform(0.6, 1.6, 1)) & (along.abs() < draw.uniform(0.5, 1.3, 1))


def _light(draw: Draw, scenes: Scenes, points: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
    """Light on each point, (B, N, 3): sun or lamp with shadows, the sky from above, bounce from below."""
    indoors = scenes.indoors[:, None]
    low = torch.where(scenes.indoors, draw.uniform(0.8, 1.5), draw.uniform(0.15, 1.4))
    azimuth = draw.uniform(0, 6.2832)
    towards = torch.stack([low.cos() * azimuth.cos(), low.cos() * azimuth.sin(), low.sin()], -1)
    facing = (normal * towards[:, None]).sum(-1).clamp_min(0)
    if (
        float(draw.uniform(0, 1)[0]) < _SHADOWED
    ):  # for the whole batch: a second cast costs as much as the first
        facing = facing * (1 - blocked(scenes.solids, points + _LIFT * normal, towards).float())
    overcast = draw.chance(0.35)[:, None]
    strength = torch.where(
        indoors, draw.uniform(0.1, 0.5, 1), torch.where(overcast, 0.1, draw.uniform(0.5, 1.6, 1))
    )
    ambient = draw.uniform(0.25, 0.6, 1) * (0.75 + 0.25 * normal[..., 2])
    lamp = (
        torch.stack([draw.uniform(-1.5, 1.5), draw.uniform(0.5, 4), draw.uniform(1.8, 2.6)], -1)[
            :, None
        ]
        - points
    )
    distance = lamp.square().sum(-1)
    glow = (normal * lamp).sum(-1).clamp_min(0) / distance.sqrt() / (0.5 + 0.3 * distance)
    total = ambient + strength * facing + torch.where(indoors, draw.uniform(0, 1.4, 1) * glow, 0.0)
    corner = 1 - 0.35 * torch.exp(-points[..., 2].abs() / 0.25) * (normal[..., 2].abs() < 0.5)
    tint = 1 + draw.normal(0, 0.06, 1, 3)
    return (total * corner)[..., None] * tint


def _sky_and_haze(
    draw: Draw,
    scenes: Scenes,
    lit: torch.Tensor,
    rays: torch.Tensor,
    depth: torch.Tensor,
    sky: torch.Tensor,
) -> torch.Tensor:
    """Put the sky behind and the air between, (B, N, 3) linear; nights are dark above."""
    up = (rays[..., 2] / rays.norm(dim=-1)).clamp(0, 1)
    grey = draw.uniform(0.6, 1.0, 1, 1)
    blue = torch.tensor([0.25, 0.45, 0.85], device=draw.device) * draw.uniform(0.6, 1.15, 1, 1)
    overcast = draw.chance(0.4, 1, 1)
    zenith = torch.where(overcast, grey * (1 + draw.normal(0, 0.02, 1, 3)), blue)
    horizon = torch.where(
        overcast,
        grey * draw.uniform(0.9, 1.15, 1, 1),
        0.35 * blue + 0.6 * draw.uniform(0.8, 1.1, 1, 1),
    )
    flat = up.clamp_min(0.06)
    u, v = rays[..., 0] / rays.norm(dim=-1) / flat, rays[..., 1] / rays.norm(dim=-1) / flat
    seed = draw.uniform(0, 1, 1).expand(-1, u.shape[1])
    cloud = (
        0.6 * noise(u * 0.7, v * 0.7, seed)
        + 0.3 * noise(u * 1.6, v * 1.6, seed + 1)
        + 0.15 * noise(u * 4, v * 4, seed + 2)
    )
    sharp = draw.uniform(1.0, 2.7, 1).exp()
    cover = ((cloud - draw.uniform(0.35, 0.9, 1)) * sharp).clamp(0, 1)[..., None] * draw.chance(
        0.6, 1, 1
    )
    air = torch.lerp(
        horizon.expand(-1, u.shape[1], -1), zenith.expand(-1, u.shape[1], -1), up[..., None] ** 0.6
    )
    above = torch.lerp(air, grey * draw.uniform(0.7, 1.1, 1, 1) * torch.ones_like(air), cover)
    night = (draw.chance(0.07) & ~scenes.indoors)[:, None, None]
    above = torch.where(night, 0.06 * above, above).square()
    lit = torch.where(
        night, 0.25 * lit * torch.exp(-depth.clamp_max(FARTHEST) / 25)[..., None], lit
    )
    sight = torch.where(scenes.indoors, 1e4, draw.uniform(4.0, 7.5).exp())[:, None]
    mist = (1 - torch.exp(-depth.clamp_max(FARTHEST) / sight))[..., None]
    lit = torch.lerp(lit, torch.where(night, 0.02, horizon.square()), mist)
    return torch.where(sky[..., None], above, lit)
