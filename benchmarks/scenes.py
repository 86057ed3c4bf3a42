"""The scenes that are measured."""

import numpy as np

from engine.camera import View
from engine.geometry import LOOK_ALONG_Y, pose, rotation_about
from engine.splats.record import Splats

SIZE = 1280, 720
SIGMA_PX = 0.6  # of the source grid


def photo_like_scene(
    count: int, size: tuple[int, int] = SIZE, seed: int = 0
) -> tuple[Splats, View]:
    """About `count` pixel-aligned splats of a depth map with a floor, a wall and two boxes before it, and their view.

    Returns:
        The splats, tangent discs of `SIGMA_PX` source pixels, and the photo's own view of `size`.
    """
    height = round((count * size[1] / size[0]) ** 0.5)
    width = count // height
    focal = 0.9 * width
    grid = View(
        focal,
        focal,
        width / 2,
        height / 2,
        width,
        height,
        pose(LOOK_ALONG_Y, np.array([0, 0, 1.6])),
    )
    rays = grid.rays()
    depth = np.minimum(1.6 / np.maximum(rays[..., 1], 1e-6), 12.0) + 0.3 * np.sin(6 * rays[..., 0])
    for left, right, distance in ((-0.35, -0.15, 3.0), (0.05, 0.3, 5.0)):
        inside = (rays[..., 0] > left) & (rays[..., 0] < right) & (rays[..., 1] > -0.15)
        depth = np.where(inside, np.minimum(depth, distance), depth)
    random = np.random.default_rng(seed)
    total = depth.size
    footprint = (SIGMA_PX * depth / focal).reshape(-1, 1)
    splats = Splats(
        positions=grid.unproject(depth).reshape(-1, 3),
        scales=footprint * [1, 1, 0.15],
        rotations=np.tile(
            [np.sqrt(0.5), np.sqrt(0.5), 0, 0], (total, 1)
        ),  # the disc's normal along -Y, to the eye
        opacities=random.uniform(0.9, 0.99, total),
        colors=random.uniform(0, 1, (total, 3)),
        confidence=random.uniform(0, 1, total),
        region=random.integers(-1, 8, total),
        origin=np.zeros(total),
    )
    return splats, grid.resized(*size)


def shifted(view: View) -> View:
    """A view half a metre to the right and turned by 5 degrees."""
    move = pose(rotation_about(np.array([0, 0, 1.0]), np.radians(5)), np.array([0.5, 0.0, 0.1]))
    return View(
        view.fx, view.fy, view.cx, view.cy, view.width, view.height, move @ view.world_from_camera
    )


def with_harmonics(splats: Splats, seed: int = 0) -> Splats:
    """The splats with spherical harmonics of degree 3, as imported scenes have them."""
    random = np.random.default_rng(seed)
    return splats.with_(sh=random.normal(0, 0.1, (len(splats), 15, 3)))
