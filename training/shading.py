"""From scenes to pictures: rays, light, haze and sky, with the truth of each pixel."""

from typing import NamedTuple

import torch

from .draw import Draw
from .painting import albedo
from .raycast import ROOM, blocked, cast, surface
from .scenes import Camera, Scenes
from .sky import with_sky_and_haze

FARTHEST = 250.0  # metres: beyond, all is sky for the network
_LIFT = 0.02  # metres off a surface where a shadow ray starts
_SHADOWED = 0.6  # share of the batches that have shadows
_FULL_TURN = 6.2832  # radians


class Truth(NamedTuple):
    """A batch of pictures and all that is known of them."""

    colours: torch.Tensor  # (B, 3, H, W) 0..1, sRGB-encoded
    depth: torch.Tensor  # (B, H, W) planar metres; FARTHEST in the sky
    second: torch.Tensor  # (B, H, W) planar metres of the next owner's surface; FARTHEST if none
    normal: torch.Tensor  # (B, 3, H, W) camera frame, unit, facing the camera
    sky: torch.Tensor  # (B, H, W) bool
    owner: torch.Tensor  # (B, H, W) int64
    indoors: torch.Tensor  # (B,) bool
    camera: Camera


def pixel_rays(focal: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Return camera rays of unit depth through pixel centres, (B, H, W, 3).

    Args:
        focal: (B,) focal lengths in units of the longer side.
        width: pixels.
        height: pixels.
    """
    side = max(width, height)
    u = (torch.arange(width, device=focal.device) + 0.5 - width / 2) / side
    v = (torch.arange(height, device=focal.device) + 0.5 - height / 2) / side
    x = (u / focal[:, None])[:, None].expand(-1, height, -1)
    y = (v / focal[:, None])[:, :, None].expand(-1, -1, width)
    return torch.stack(
        [
            x,
            y,
            torch.ones_like(x),
        ],
        -1,
    )


def picture(draw: Draw, scenes: Scenes, width: int, height: int) -> Truth:
    """Render a batch of scenes."""
    camera = scenes.camera
    camera_rays = pixel_rays(camera.focal, width, height).flatten(1, 2)
    rays = camera_rays @ camera.rotation.transpose(1, 2)  # [B, N, 3], world
    zero = torch.zeros_like(camera.height)
    origin = torch.stack(
        [
            zero,
            zero,
            camera.height,
        ],
        -1,
    )

    # the first surfaces
    scenes = _in_view(scenes, origin, width, height)
    hits = cast(scenes.solids, origin, rays)
    sky = hits.depth > FARTHEST
    depth = hits.depth.clamp_max(FARTHEST)
    points = origin[:, None] + rays * depth[..., None]
    normal, local_normal, metres = surface(
        scenes.solids,
        hits.slot,
        points,
    )
    faces_away = (normal * rays).sum(-1) > 0
    normal = torch.where(
        faces_away[..., None],
        -normal,
        normal,
    )

    # their colours
    pixel = depth / (camera.focal[:, None] * max(width, height))  # metres that a pixel covers
    paint = albedo(draw, scenes, hits, local_normal, points, metres, pixel)
    lit = paint * _light(draw, scenes, points, normal)
    linear = with_sky_and_haze(
        draw,
        scenes.indoors,
        lit,
        rays,
        depth,
        sky,
    )
    colours = linear.clamp_min(0).sqrt()

    camera_normal = normal @ camera.rotation
    shape = (-1, height, width)
    return Truth(
        colours=_planes(colours, width, height),
        depth=depth.reshape(shape),
        second=hits.second.clamp_max(FARTHEST).reshape(shape),
        normal=_planes(camera_normal, width, height),
        sky=sky.reshape(shape),
        owner=hits.owner.reshape(shape),
        indoors=scenes.indoors,
        camera=camera,
    )


def _planes(values: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Reshape (B, N, 3) to (B, 3, H, W)."""
    return values.transpose(1, 2).reshape(-1, 3, height, width)


def mirrored(truth: Truth) -> Truth:
    """Return the same pictures with left and right exchanged."""
    across = torch.tensor(
        [
            -1.0,
            1,
            1,
        ],
        device=truth.depth.device,
    )
    # A mirrored rotation is no rotation, but its third row is the mirrored up, and nothing else of
    # it is compared.
    camera = truth.camera._replace(rotation=truth.camera.rotation * across)
    return truth._replace(
        colours=truth.colours.flip(-1),
        depth=truth.depth.flip(-1),
        second=truth.second.flip(-1),
        normal=truth.normal.flip(-1) * across[:, None, None],
        sky=truth.sky.flip(-1),
        owner=truth.owner.flip(-1),
        camera=camera,
    )


def _in_view(scenes: Scenes, origin: torch.Tensor, width: int, height: int) -> Scenes:
    """Return the scenes without the solids outside the view's pyramid, in few slots."""
    solids = scenes.solids
    centre = (solids.centre - origin[:, None]) @ scenes.camera.rotation  # in the camera's axes
    # a gable's centre is its base: its ridge is farther than its half size
    radius = solids.half.norm(dim=-1) * 1.5
    depth = centre[..., 2]
    is_seen = depth > -radius
    for axis, side in ((0, width), (1, height)):
        # a ball touches a plane of the pyramid at radius / cos(angle) from where the plane is
        slope = (0.5 * side / max(width, height) / scenes.camera.focal)[:, None]
        limit = depth * slope + radius * (1 + slope * slope).sqrt()
        is_seen &= centre[..., axis].abs() < limit
    # the camera is inside its room
    is_seen |= solids.kinds == ROOM
    compact, index = solids._replace(there=solids.there & is_seen).compact()
    triples = index[..., None].expand(-1, -1, 3)
    return scenes._replace(
        solids=compact,
        material=scenes.material.gather(1, index),
        paint=scenes.paint.gather(1, triples),
    )


def _light(draw: Draw, scenes: Scenes, points: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
    """Return the light on each point, (B, N, 3).

    It is the sun or a lamp with shadows, the sky from above, and a lamp nearby indoors.
    """
    indoors = scenes.indoors[:, None]
    towards = _direction_of_light(draw, scenes.indoors)
    facing = (normal * towards[:, None]).sum(-1).clamp_min(0)
    # shadows for the whole batch or for none: a second cast costs as much as the first
    if float(draw.uniform(0, 1)[0]) < _SHADOWED:
        in_shadow = blocked(
            scenes.solids,
            points + _LIFT * normal,
            towards,
        )
        facing = facing * (1 - in_shadow.float())

    is_overcast = draw.chance(0.35)[:, None]
    inside = draw.uniform(0.1, 0.5, 1)
    outside = torch.where(is_overcast, 0.1, draw.uniform(0.5, 1.6, 1))
    strength = torch.where(indoors, inside, outside)
    # twice as much light comes from above as from below
    up = normal[..., 2]
    ambient = draw.uniform(0.25, 0.6, 1) * (0.75 + 0.25 * up)
    glow = _lamp(draw, points, normal)
    lamp = torch.where(
        indoors,
        draw.uniform(0, 1.4, 1) * glow,
        0.0,
    )
    total = ambient + strength * facing + lamp

    # walls are darker where they meet the ground
    height = points[..., 2].abs()
    is_wall = up.abs() < 0.5
    corner = 1 - 0.35 * torch.exp(-height / 0.25) * is_wall
    tint = 1 + draw.normal(0, 0.06, 1, 3)
    return (total * corner)[..., None] * tint


def _direction_of_light(draw: Draw, indoors: torch.Tensor) -> torch.Tensor:
    """Draw unit vectors towards the sun or the lamp, (B, 3)."""
    inside = draw.uniform(0.8, 1.5)
    outside = draw.uniform(0.15, 1.4)
    elevation = torch.where(indoors, inside, outside)
    azimuth = draw.uniform(0, _FULL_TURN)
    return torch.stack(
        [
            elevation.cos() * azimuth.cos(),
            elevation.cos() * azimuth.sin(),
            elevation.sin(),
        ],
        -1,
    )


def _lamp(draw: Draw, points: torch.Tensor, normal: torch.Tensor) -> torch.Tensor:
    """Return the light of a lamp ahead of the camera, (B, N)."""
    place = torch.stack(
        [
            draw.uniform(-1.5, 1.5),
            draw.uniform(0.5, 4),
            draw.uniform(1.8, 2.6),
        ],
        -1,
    )
    towards = place[:, None] - points
    square = towards.square().sum(-1)
    cosine = (normal * towards).sum(-1).clamp_min(0) / square.sqrt()
    # a lamp is no point: its light does not grow without end near it
    return cosine / (0.5 + 0.3 * square)
