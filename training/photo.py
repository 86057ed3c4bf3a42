"""What a camera does to a picture: exposure, white balance, contrast, vignette, blur, noise, JPEG; all on the device."""

import math

import torch
from torch.nn import functional

from .draw import Draw

_BLOCK = 8  # JPEG's
_KERNEL = 5


def photograph(draw: Draw, colours: torch.Tensor) -> torch.Tensor:
    """Make rendered pictures look taken.

    Args:
        draw: of the same batch.
        colours: (B, 3, H, W) sRGB-encoded, may exceed 1; H and W are multiples of 8.

    Returns:
        (B, 3, H, W) within 0..1.
    """
    ones = (1, 1, 1)
    brightness = colours.mean((1, 2, 3), keepdim=True).clamp_min(0.02)
    metered = (0.45 / brightness) ** draw.uniform(0.2, 0.9, *ones)
    photo = (
        colours * metered * draw.normal(0, 0.16, *ones).exp() * draw.normal(0, 0.05, 3, 1, 1).exp()
    )
    photo = torch.where(draw.chance(0.08, *ones), photo * 1.7, photo)
    photo = photo.clamp_min(1e-4) ** draw.normal(0, 0.14, *ones).exp()
    middle = photo.mean((1, 2, 3), keepdim=True)
    photo = (photo - middle) * draw.normal(0, 0.12, *ones).exp() + middle
    grey = photo.mean(1, keepdim=True)
    vivid = torch.where(draw.chance(0.06, *ones), 0.0, draw.normal(-0.05, 0.25, *ones).exp())
    photo = _vignette(draw, grey + (photo - grey) * vivid).clamp(0, 1)
    photo = torch.lerp(photo, _blur(photo), draw.uniform(-0.3, 1, *ones).clamp_min(0))
    deviation = draw.uniform(-6.5, -2.9, *ones).exp()
    grain = torch.randn(photo.shape, generator=draw.generator, device=photo.device)
    return _jpeg(photo + grain * deviation, draw.uniform(-6.0, -2.3, *ones, 1, 1).exp()).clamp(0, 1)


def _vignette(draw: Draw, photo: torch.Tensor) -> torch.Tensor:
    height, width = photo.shape[-2:]
    y = torch.linspace(-1, 1, height, device=photo.device)[:, None]
    x = torch.linspace(-1, 1, width, device=photo.device)
    return photo * (1 - draw.uniform(-0.1, 0.2, 1, 1, 1).clamp_min(0) * (x * x + y * y))


def _blur(photo: torch.Tensor) -> torch.Tensor:
    """A binomial kernel."""
    row = torch.tensor(
        [math.comb(_KERNEL - 1, i) for i in range(_KERNEL)], dtype=photo.dtype, device=photo.device
    )
    row = (row / row.sum()).expand(3, 1, 1, _KERNEL)
    pad = _KERNEL // 2
    wide = functional.conv2d(functional.pad(photo, (pad, pad, 0, 0), "replicate"), row, groups=3)
    return functional.conv2d(
        functional.pad(wide, (0, 0, pad, pad), "replicate"), row.transpose(2, 3), groups=3
    )


def _jpeg(photo: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
    """Quantise the cosine transform of 8 x 8 blocks, finer where it is low."""
    batch, _, height, width = photo.shape
    index = torch.arange(_BLOCK, device=photo.device, dtype=photo.dtype)
    cosines = torch.cos(math.pi / _BLOCK * (index + 0.5) * index[:, None]) * math.sqrt(2 / _BLOCK)
    cosines[0] /= math.sqrt(2)
    blocks = photo.reshape(batch, 3, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).transpose(
        3, 4
    )
    table = step * (1 + index + index[:, None])
    quantised = (cosines @ blocks @ cosines.T / table).round() * table
    return (cosines.T @ quantised @ cosines).transpose(3, 4).reshape(photo.shape)
