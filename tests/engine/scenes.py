"""Small whole scenes for tests, made from known geometry."""

import numpy as np

from engine.camera import Camera, View
from engine.depth import DepthEstimate
from engine.geometry import LOOK_ALONG_Y, pose
from engine.lift.lifting import lift
from engine.regions import Region
from engine.scene import BaseWitness, Maps, Scene

HEIGHT_M = 1.6


def view(width=64, height=48, focal=60.0):
    """A level camera 1.6 m above the origin."""
    return View(
        focal, focal, width / 2, height / 2, width, height, pose(LOOK_ALONG_Y, [0, 0, HEIGHT_M])
    )


def wall_and_ground(width=64, height=48, distance=8.0):
    """True depth of flat ground before a wall that faces the camera."""
    camera = view(width, height)
    rays = camera.rays()
    with np.errstate(divide="ignore"):
        ground = np.where(rays[..., 1] > 0, HEIGHT_M / rays[..., 1], np.inf)
    depth = np.minimum(ground, distance).astype(np.float32)
    is_ground = ground < distance
    normal = np.where(is_ground[..., None], np.float32([0, 0, 1]), np.float32([0, -1, 0]))
    return DepthEstimate(
        view=camera,
        depth=depth,
        uncertainty=np.full_like(depth, 0.1),
        confidence=np.where(is_ground, np.float32(0.9), np.float32(0.6)),
        normal=normal,
        sky=np.zeros_like(is_ground),
        ground=is_ground,
        source="exact",
    )


def colours(width=64, height=48, seed=3):
    """A smooth picture with some detail, sRGB-encoded."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    noise = np.random.default_rng(seed).uniform(-0.1, 0.1, (height, width, 3))
    return np.clip(np.stack([x, y, 0.5 + 0.3 * np.sin(12 * x)], axis=-1) + noise, 0, 1).astype(
        np.float32
    )


def scene(width=64, height=48, name="wall"):
    """A scene with two regions and exact depth."""
    estimate = wall_and_ground(width, height)
    wall = ~estimate.ground
    regions = (
        Region("ground", "Ground", estimate.ground, np.array([0, 0, 1.0, 0])),
        Region("facade_001", "Facade 1", wall, np.array([0, -1.0, 0, 8.0]), True),
    )
    lifted = lift(estimate, colours(width, height), width * height)
    splats = lifted.splats.with_(region=np.where(wall, 1, 0).ravel())
    return Scene(
        name=name,
        photo=BaseWitness(
            "photo.png", b"not a picture, only bytes to keep", width, height, {"Make": "Test"}
        ),
        splats=splats,
        cameras=(Camera.from_view("photo", estimate.view),),
        maps=Maps(estimate.depth, estimate.uncertainty, estimate.normal, estimate.confidence),
        regions=regions,
        depth_source="exact",
        warnings=("A sentence.",),
    )
