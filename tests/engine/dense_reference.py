"""The rasteriser's formulas in torch float64, every splat in every pixel, nothing clever.

Autograd gives its gradients.
"""

import numpy as np
import torch

from engine.kernels.constants import FRUSTUM_MARGIN, LOW_PASS, MAX_ALPHA, MIN_LIGHT
from engine.kernels.constants import NOTHING_ALPHA as MIN_ALPHA


def matrices(quaternions):
    """Rotation matrices (N, 3, 3) of quaternions (N, 4) w x y z of any length."""
    w, x, y, z = torch.nn.functional.normalize(quaternions, dim=1).unbind(1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)


def project(means, scales, rotations, opacities, view, antialiased):
    """Centres (N, 2), conics (N, 2, 2), opacities (N,), planar depths (N,)."""
    pose = torch.from_numpy(view.camera_from_world)
    seen = means @ pose[:3, :3].T + pose[:3, 3]
    depth = seen[:, 2]
    focal = torch.tensor([view.fx, view.fy], dtype=torch.float64)
    centre = torch.tensor([view.cx, view.cy], dtype=torch.float64)
    size = torch.tensor([view.width, view.height], dtype=torch.float64)
    margin = FRUSTUM_MARGIN * 0.5 * size / focal
    slopes = seen[:, :2] / depth[:, None]
    held = torch.minimum(
        torch.maximum(slopes, -centre / focal - margin), (size - centre) / focal + margin
    )
    jacobian = (
        torch.cat([torch.diag(focal).expand(len(depth), 2, 2), (-focal * held)[:, :, None]], dim=2)
        / depth[:, None, None]
    )
    spread = jacobian @ pose[:3, :3] @ (matrices(rotations) * scales[:, None, :])
    sharp = spread @ spread.transpose(1, 2)
    covariance = sharp + LOW_PASS * torch.eye(2, dtype=torch.float64)
    opacity = opacities.clamp(max=1)
    if antialiased:
        opacity = opacity * torch.sqrt(torch.det(sharp).clamp(min=1e-38) / torch.det(covariance))
    return slopes * focal + centre, torch.linalg.inv(covariance), opacity, depth


def rasterise(means, scales, rotations, opacities, colors, view, near=0.01, antialiased=False):
    """Draw splats that can all be drawn, of float64 parameters.

    Returns colour (H, W, 3), expected depth (H, W) and alpha (H, W).
    """
    centres, conics, opacity, depth = project(
        means, scales, rotations, opacities, view, antialiased
    )
    rows = (
        torch.arange(view.height, dtype=torch.float64)[:, None].expand(view.height, view.width)
        + 0.5
    )
    columns = torch.arange(view.width, dtype=torch.float64).expand(view.height, view.width) + 0.5
    pixels = torch.stack([columns, rows], dim=2)
    light, done = (
        torch.ones(view.height, view.width, dtype=torch.float64),
        torch.zeros(view.height, view.width, dtype=bool),
    )
    color, planar = (
        torch.zeros(view.height, view.width, 3, dtype=torch.float64),
        torch.zeros_like(light),
    )
    kept = (depth >= near).detach().numpy()
    order = np.argsort(depth.detach().numpy().astype(np.float32), kind="stable")
    for i in order[kept[order]]:
        away = pixels - centres[i]
        alpha = (opacity[i] * torch.exp(-0.5 * ((away @ conics[i]) * away).sum(2))).clamp(
            max=MAX_ALPHA
        )
        drawn = (alpha >= MIN_ALPHA) & ~done
        left = light * (1 - alpha)
        done = done | (drawn & (left <= MIN_LIGHT))
        drawn = drawn & ~done
        weight = torch.where(drawn, light * alpha, 0.0)
        color, planar = color + weight[..., None] * colors[i], planar + weight * depth[i]
        light = torch.where(drawn, left, light)
    alpha = 1 - light
    there = alpha >= MIN_ALPHA
    return color, torch.where(there, planar / torch.where(there, alpha, 1.0), torch.inf), alpha
