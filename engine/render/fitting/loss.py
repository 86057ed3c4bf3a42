"""How far a picture is from a shot. Imports torch: only `descent.fit` imports this file."""

from dataclasses import dataclass

import torch

from .record import FitOptions, Shot

WINDOW, SIGMA = 11, 1.5  # pixels; of structural similarity (Wang et al. 2004, section III-C)
C1, C2 = 0.01**2, 0.03**2  # the same, for colours from 0 to 1

Picture = tuple[
    torch.Tensor, torch.Tensor, torch.Tensor
]  # color (H, W, 3), depth (H, W), alpha (H, W)


@dataclass(frozen=True, eq=False)
class Target:
    """A shot on the device; what has no say is 0."""

    image: torch.Tensor  # (H, W, 3)
    weight: torch.Tensor  # (H, W), its sum is 1
    depth: torch.Tensor | None  # (H, W) metres
    depth_weight: torch.Tensor  # (H, W), its sum is 1, or all 0


def target_of(shot: Shot, device: str) -> Target:
    """The shot's pixels as tensors."""
    image = torch.tensor(shot.image, device=device)
    counts = torch.tensor(shot.counts, device=device)
    image = torch.where(counts[..., None] > 0, image, 0.0)
    if shot.depth is None:
        return Target(image, counts / counts.sum(), None, torch.zeros_like(counts))
    depth = torch.tensor(shot.depth, device=device)
    there = torch.isfinite(depth) & (depth > 0)
    of_depth = torch.where(there, counts, 0.0)
    total = of_depth.sum()
    of_depth = of_depth / total if total > 0 else of_depth
    return Target(image, counts / counts.sum(), torch.where(there, depth, 1.0), of_depth)


def loss_of(picture: Picture, target: Target, options: FitOptions) -> torch.Tensor:
    """(1 - dssim) mean |difference| + dssim (1 - SSIM) / 2, and the depth's mean relative difference, by weight.

    Where nothing is drawn a depth counts as wholly wrong, with no gradient: the colour's loss fills it.
    """
    color, depth, _ = picture
    value = (1 - options.dssim) * ((color - target.image).abs().mean(dim=2) * target.weight).sum()
    if options.dssim > 0:
        unlike = (1 - similarity(color, target.image)).mean(dim=2) / 2
        value = value + options.dssim * (unlike * target.weight).sum()
    if target.depth is not None and options.depth_weight > 0:
        there = torch.isfinite(depth)
        wrong = (torch.where(there, depth, 0.0) - target.depth).abs() / target.depth
        value = (
            value
            + options.depth_weight * (torch.where(there, wrong, 1.0) * target.depth_weight).sum()
        )
    return value


def similarity(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """SSIM (H, W, 3) of two pictures (H, W, 3), with a Gaussian window (Wang et al. 2004, equation 13)."""
    a, b = (picture.permute(2, 0, 1)[:, None] for picture in (first, second))
    mean_a, mean_b = _blurred(a), _blurred(b)
    var_a, var_b = _blurred(a * a) - mean_a**2, _blurred(b * b) - mean_b**2
    common = _blurred(a * b) - mean_a * mean_b
    value = (
        (2 * mean_a * mean_b + C1)
        * (2 * common + C2)
        / ((mean_a**2 + mean_b**2 + C1) * (var_a + var_b + C2))
    )
    return value[:, 0].permute(1, 2, 0)


def _blurred(planes: torch.Tensor) -> torch.Tensor:
    """Planes (C, 1, H, W) under the window, which beyond the edge sees black."""
    offsets = torch.arange(WINDOW, device=planes.device, dtype=planes.dtype) - WINDOW // 2
    kernel = torch.exp(-(offsets**2) / (2 * SIGMA**2))
    kernel = kernel / kernel.sum()
    planes = torch.nn.functional.conv2d(planes, kernel.view(1, 1, 1, -1), padding=(0, WINDOW // 2))
    return torch.nn.functional.conv2d(planes, kernel.view(1, 1, -1, 1), padding=(WINDOW // 2, 0))
