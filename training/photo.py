"""The marks that a camera leaves on a picture, all made on the device.

They are exposure, white balance, contrast, vignette, blur, noise and JPEG.
"""

import math

import torch
from torch.nn import functional

from .draw import Draw

_BLOCK = 8  # pixels: the side of a JPEG's blocks
_KERNEL = 5  # pixels: the width of the blur
_METERED = 0.45  # the brightness, sRGB-encoded, that a camera exposes a picture's mean to
_OVEREXPOSED = 1.7  # factor of a picture that a camera has exposed too long


def photograph(draw: Draw, colours: torch.Tensor) -> torch.Tensor:
    """Make rendered pictures look taken.

    Args:
        draw: of the same batch.
        colours: (B, 3, H, W) sRGB-encoded, may exceed 1; H and W are multiples of 8.

    Returns:
        (B, 3, H, W) within 0..1.
    """
    photo = _exposed(draw, colours)
    photo = _graded(draw, photo)
    photo = _vignette(draw, photo).clamp(0, 1)

    # a lens is soft to some degree; below 0 it is sharp
    softness = draw.uniform(-0.3, 1, 1, 1, 1).clamp_min(0)
    photo = torch.lerp(photo, _blur(photo), softness)

    # noise, then the JPEG's steps: both from invisible to strong, on a logarithmic scale
    deviation = draw.log_uniform(-6.5, -2.9, 1, 1, 1)
    grain = torch.randn(
        photo.shape,
        generator=draw.generator,
        device=photo.device,
    )
    step = draw.log_uniform(-6.0, -2.3, 1, 1, 1, 1, 1)
    photo = photo + grain * deviation
    return _jpeg(photo, step).clamp(0, 1)


def _exposed(draw: Draw, colours: torch.Tensor) -> torch.Tensor:
    """Apply the exposure and the white balance."""
    brightness = colours.mean((1, 2, 3), keepdim=True).clamp_min(0.02)
    # no camera meters exactly: a part of the way to the wanted brightness, and an error
    trust = draw.uniform(0.2, 0.9, 1, 1, 1)
    metered = (_METERED / brightness) ** trust
    exposure = draw.factor(0.16, 1, 1, 1)
    white_balance = draw.factor(0.05, 3, 1, 1)
    photo = colours * metered * exposure * white_balance
    overexposed = draw.chance(0.08, 1, 1, 1)
    return torch.where(overexposed, photo * _OVEREXPOSED, photo)


def _graded(draw: Draw, photo: torch.Tensor) -> torch.Tensor:
    """Change gamma, contrast and saturation."""
    gamma = draw.factor(0.14, 1, 1, 1)
    photo = photo.clamp_min(1e-4) ** gamma
    middle = photo.mean((1, 2, 3), keepdim=True)
    contrast = draw.factor(0.12, 1, 1, 1)
    photo = (photo - middle) * contrast + middle

    # some photos are black and white
    grey = photo.mean(1, keepdim=True)
    colourless = draw.chance(0.06, 1, 1, 1)
    saturation = draw.normal(-0.05, 0.25, 1, 1, 1).exp()
    saturation = torch.where(colourless, 0.0, saturation)
    return grey + (photo - grey) * saturation


def _vignette(draw: Draw, photo: torch.Tensor) -> torch.Tensor:
    """Darken the corners of two pictures in three."""
    height, width = photo.shape[-2:]
    y = torch.linspace(
        -1,
        1,
        height,
        device=photo.device,
    )[:, None]
    x = torch.linspace(-1, 1, width, device=photo.device)
    strength = draw.uniform(-0.1, 0.2, 1, 1, 1).clamp_min(0)
    radius_squared = x * x + y * y
    return photo * (1 - strength * radius_squared)


def _blur(photo: torch.Tensor) -> torch.Tensor:
    """Blur with a binomial kernel, along the rows and then along the columns."""
    binomials = [math.comb(_KERNEL - 1, i) for i in range(_KERNEL)]
    row = torch.tensor(
        binomials,
        dtype=photo.dtype,
        device=photo.device,
    )
    row = row / row.sum()
    row = row.expand(3, 1, 1, _KERNEL)
    pad = _KERNEL // 2
    padded = functional.pad(photo, (pad, pad, 0, 0), "replicate")
    wide = functional.conv2d(padded, row, groups=3)
    padded = functional.pad(wide, (0, 0, pad, pad), "replicate")
    return functional.conv2d(padded, row.transpose(2, 3), groups=3)


def _jpeg(photo: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Quantise the cosine transform of 8 x 8 blocks, finer where the frequency is low."""
    batch, _, height, width = photo.shape
    rows = height // _BLOCK
    columns = width // _BLOCK
    blocks = photo.reshape(batch, 3, rows, _BLOCK, columns, _BLOCK)
    blocks = blocks.transpose(3, 4)  # [B, 3, H / 8, W / 8, 8, 8]

    cosines = _cosine_transform(photo)
    frequency = torch.arange(
        _BLOCK,
        device=photo.device,
        dtype=photo.dtype,
    )
    table = step * (1 + frequency + frequency[:, None])
    coefficients = cosines @ blocks @ cosines.T
    quantised = (coefficients / table).round() * table
    blocks = cosines.T @ quantised @ cosines
    return blocks.transpose(3, 4).reshape(photo.shape)


def _cosine_transform(like: torch.Tensor) -> torch.Tensor:
    """Return the orthonormal cosine transform of type II, (8, 8), one frequency a row."""
    index = torch.arange(
        _BLOCK,
        device=like.device,
        dtype=like.dtype,
    )
    place = index + 0.5
    frequency = index[:, None]
    cosines = torch.cos(math.pi / _BLOCK * place * frequency)
    cosines = cosines * math.sqrt(2 / _BLOCK)
    cosines[0] /= math.sqrt(2)
    return cosines
