"""The sky behind a scene and the air in it."""

import torch

from .draw import Draw
from .noise import noise

_FLATTEST = 0.06  # sine of the elevation below which clouds do not become flatter
# Strength and frequency of the clouds' noise; a place is a direction over its elevation's sine.
_OCTAVES = ((0.6, 0.7), (0.3, 1.6), (0.15, 4))
_NIGHT_SIGHT = 25  # metres: the reach of light at night
_CLEAR = 1e4  # metres: the sight in a room


def with_sky_and_haze(
    draw: Draw,
    indoors: torch.Tensor,
    lit: torch.Tensor,
    rays: torch.Tensor,
    depth: torch.Tensor,
    sky: torch.Tensor,
) -> torch.Tensor:
    """Put the sky behind a scene and the air into it; nights are dark above.

    Args:
        draw: of the batch.
        indoors: (B,) bool.
        lit: (B, N, 3) the scene's colours, linear.
        rays: (B, N, 3) world.
        depth: (B, N) metres, limited in the sky.
        sky: (B, N) bool.

    Returns:
        (B, N, 3) linear.
    """
    direction = rays / rays.norm(dim=-1, keepdim=True)
    up = direction[..., 2].clamp(0, 1)
    grey, zenith, horizon = _colours(draw)
    cover = _clouds(draw, direction, up)
    count = rays.shape[1]
    air = torch.lerp(
        horizon.expand(-1, count, -1),
        zenith.expand(-1, count, -1),
        up[..., None] ** 0.6,
    )
    white = grey * draw.uniform(0.7, 1.1, 1, 1)
    above = torch.lerp(air, white * torch.ones_like(air), cover)

    # some nights, whose scenes fade with the distance
    is_night = draw.chance(0.07) & ~indoors
    is_night = is_night[:, None, None]
    dark_sky = 0.06 * above
    above = torch.where(is_night, dark_sky, above).square()
    reach = torch.exp(-depth / _NIGHT_SIGHT)
    lit_by_lamp = 0.25 * lit * reach[..., None]
    lit = torch.where(is_night, lit_by_lamp, lit)

    # haze has the colour of the horizon
    outdoor_sight = draw.log_uniform(4.0, 7.5)
    sight = torch.where(indoors, _CLEAR, outdoor_sight)[:, None]
    mist = 1 - torch.exp(-depth / sight)
    haze = torch.where(is_night, 0.02, horizon.square())
    lit = torch.lerp(lit, haze, mist[..., None])
    return torch.where(sky[..., None], above, lit)


def _colours(draw: Draw) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Draw the grey of clouds, the colour of the zenith and that of the horizon, sRGB-encoded."""
    grey = draw.uniform(0.6, 1.0, 1, 1)
    blue = draw.shade((0.25, 0.45, 0.85), 0.6, 1.15)
    is_overcast = draw.chance(0.4, 1, 1)
    tinted = grey * (1 + draw.normal(0, 0.02, 1, 3))
    zenith = torch.where(is_overcast, tinted, blue)
    grey_horizon = grey * draw.uniform(0.9, 1.15, 1, 1)
    pale_blue = 0.35 * blue + 0.6 * draw.uniform(0.8, 1.1, 1, 1)
    horizon = torch.where(is_overcast, grey_horizon, pale_blue)
    return grey, zenith, horizon


def _clouds(draw: Draw, direction: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """Draw the cover of clouds, (B, N, 1) 0..1: three octaves of noise on a flat layer."""
    flat = up.clamp_min(_FLATTEST)
    east, north, _ = direction.unbind(-1)
    u = east / flat
    v = north / flat
    seed = draw.uniform(0, 1, 1).expand(-1, u.shape[1])
    cloud = torch.zeros_like(u)
    for i, (strength, frequency) in enumerate(_OCTAVES):
        octave = noise(
            u * frequency,
            v * frequency,
            seed + i,
        )
        cloud = cloud + strength * octave
    sharpness = draw.log_uniform(1.0, 2.7, 1)
    threshold = draw.uniform(0.35, 0.9, 1)
    cover = ((cloud - threshold) * sharpness).clamp(0, 1)
    has_clouds = draw.chance(0.6, 1, 1)
    return cover[..., None] * has_clouds
