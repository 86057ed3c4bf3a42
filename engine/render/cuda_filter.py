"""The light that the antialiased mode leaves to splats lifted from a photo, for gsplat, which knows only its own rule.

`filtered` of rasterise.c in PyTorch.
"""

import torch
from torch import Tensor

from ..camera import View
from ..kernels.constants import FRUSTUM_MARGIN, LOW_PASS


def kept_light(means: Tensor, scales: Tensor, rotations: Tensor, view: View, own: Tensor) -> Tensor:
    """What remains of each splat's opacity, (N,) 0..1.

    Args:
        means: (N, 3) metres, world axes, relative to the eye.
        scales: (N, 3) metres.
        rotations: (N, 4) w x y z, any length but 0.
        view: the camera.
        own: (N,) square metres, the variance of the filter through which the photo saw each splat.
    """
    turn = torch.tensor(view.camera_from_world[:3, :3], dtype=torch.float32, device=means.device)
    x, y, z = (means @ turn.T).unbind(1)
    z = z.clamp(min=1e-6)  # what is nearer is not drawn
    rows = []
    lenses = (x, view.fx, view.cx, view.width, 0), (y, view.fy, view.cy, view.height, 1)
    shapes = turn @ _rotations(rotations) * scales[:, None, :]
    for across, focal, centre, size, axis in lenses:
        margin = FRUSTUM_MARGIN * 0.5 * size / focal
        slope = (across / z).clamp(-centre / focal - margin, (size - centre) / focal + margin)
        rows.append((focal / z)[:, None] * (shapes[:, axis] - slope[:, None] * shapes[:, 2]))
    xx, yy = (row.square().sum(1) for row in rows)
    sharp = torch.linalg.cross(*rows).square().sum(1)
    after = sharp + LOW_PASS * (xx + yy) + LOW_PASS**2
    own_x, own_y = (own * (focal / z).square() for focal in (view.fx, view.fy))
    before = sharp + own_x * yy + own_y * xx + own_x * own_y
    return (before / after).clamp(0, 1).sqrt()


def _rotations(quaternions: Tensor) -> Tensor:
    """(N, 3, 3) of (N, 4)."""
    w, x, y, z = (quaternions / quaternions.norm(dim=1, keepdim=True)).unbind(1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
