"""The loss of a picture against a shot. Imports torch: only `descent.fit` imports this file."""

from dataclasses import dataclass

import torch

from .record import FitOptions, Shot

# Pixels: the side of the window of structural similarity (Wang et al. 2004, section III-C).
WINDOW = 11
# Pixels: the standard deviation of that window's Gaussian.
SIGMA = 1.5
# The constants that keep its quotients finite, K1 = 0.01 and K2 = 0.03, for colours from 0 to 1.
C1 = 0.01**2
C2 = 0.03**2

# color (H, W, 3), depth (H, W), alpha (H, W)
Picture = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True, eq=False)
class Target:
    """A shot on the device; values that do not count are 0."""

    image: torch.Tensor  # (H, W, 3)
    weight: torch.Tensor  # (H, W), its sum is 1
    depth: torch.Tensor | None  # (H, W) metres
    depth_weight: torch.Tensor  # (H, W), its sum is 1, or all 0


def target_of(shot: Shot, device: str) -> Target:
    """Bring a shot to the device, with weights that sum to 1."""
    image = torch.tensor(shot.image, device=device)
    counts = torch.tensor(shot.counts, device=device)
    # A colour that is not finite would spoil the gradient even with a weight of 0.
    image = torch.where(counts[..., None] > 0, image, 0.0)
    weight = counts / counts.sum()
    if shot.depth is None:
        return Target(image, weight, None, torch.zeros_like(counts))

    depth = torch.tensor(shot.depth, device=device)
    is_valid = torch.isfinite(depth) & (depth > 0)
    depth_weight = torch.where(is_valid, counts, 0.0)
    total = depth_weight.sum()
    if total > 0:
        depth_weight = depth_weight / total
    # Any positive depth does where none is known: differences are relative to it.
    depth = torch.where(is_valid, depth, 1.0)
    return Target(image, weight, depth, depth_weight)


def loss_of(picture: Picture, target: Target, options: FitOptions) -> torch.Tensor:
    """Compute the weighted loss of a picture.

    It is (1 - dssim) mean |difference| + dssim (1 - SSIM) / 2, and depth_weight times the mean
    relative difference of depth. Where nothing is drawn a depth counts as wholly wrong, with no
    gradient: the colour's loss fills it.
    """
    color, depth, _ = picture
    difference = (color - target.image).abs().mean(dim=2)
    mean_difference = (difference * target.weight).sum()
    loss = (1 - options.dssim) * mean_difference
    if options.dssim > 0:
        ssim = similarity(color, target.image)
        dissimilarity = (1 - ssim).mean(dim=2) / 2
        mean_dissimilarity = (dissimilarity * target.weight).sum()
        loss = loss + options.dssim * mean_dissimilarity
    if target.depth is not None and options.depth_weight > 0:
        is_drawn = torch.isfinite(depth)
        finite_depth = torch.where(is_drawn, depth, 0.0)
        relative_error = (finite_depth - target.depth).abs() / target.depth
        relative_error = torch.where(is_drawn, relative_error, 1.0)
        mean_error = (relative_error * target.depth_weight).sum()
        loss = loss + options.depth_weight * mean_error
    return loss


def similarity(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Compute the structural similarity of two pictures (Wang et al. 2004, equation 13).

    Args:
        first: (H, W, 3).
        second: the same.

    Returns:
        (H, W, 3): SSIM of each channel under a Gaussian window around each pixel.
    """
    a = first.permute(2, 0, 1)[:, None]  # [3, 1, H, W]
    b = second.permute(2, 0, 1)[:, None]
    mean_a = _blurred(a)
    mean_b = _blurred(b)
    variance_a = _blurred(a * a) - mean_a**2
    variance_b = _blurred(b * b) - mean_b**2
    covariance = _blurred(a * b) - mean_a * mean_b
    luminance = 2 * mean_a * mean_b + C1
    structure = 2 * covariance + C2
    most_luminance = mean_a**2 + mean_b**2 + C1
    most_structure = variance_a + variance_b + C2
    most = most_luminance * most_structure
    ssim = luminance * structure / most
    return ssim[:, 0].permute(1, 2, 0)


def _blurred(planes: torch.Tensor) -> torch.Tensor:
    """Blur planes (C, 1, H, W) with the window, which sees black beyond the edge."""
    half = WINDOW // 2
    offsets = torch.arange(WINDOW, device=planes.device, dtype=planes.dtype) - half
    exponent = -(offsets**2) / (2 * SIGMA**2)
    kernel = torch.exp(exponent)
    kernel = kernel / kernel.sum()
    # A Gaussian is separable: rows, then columns.
    across = kernel.view(1, 1, 1, -1)
    down = kernel.view(1, 1, -1, 1)
    planes = torch.nn.functional.conv2d(planes, across, padding=(0, half))
    return torch.nn.functional.conv2d(planes, down, padding=(half, 0))
