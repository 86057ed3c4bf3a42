"""Pictures that the benchmarks' tests measure, and measured photos made of them."""

from dataclasses import replace

import numpy as np
import raycast

from benchmarks import measured
from benchmarks.cycles import library
from engine.image import Photo

ALL = np.ones((48, 64), bool)
MOVED = (0.0, 0.3, 1.0)  # metres to the right


def pixels(seed, shape=(48, 64, 3)):
    return np.random.default_rng(seed).uniform(0, 1, shape).astype(np.float32)


def taken(walls, right=0.0, width=160, height=120):
    """A ray-cast picture as the benchmark's record, with normals."""
    view = raycast.camera(width, height, focal=0.8 * width)
    pose = view.world_from_camera.copy()
    pose[:3, 3] += pose[:3, 0] * right
    shot = raycast.shoot(walls, replace(view, world_from_camera=pose))
    normals = np.array([np.cross(wall.u, wall.v) for wall in walls] + [[0, 0, 0.0]])[shot.surface]
    return library.Picture(
        shot.view, shot.colours, shot.depth.astype(np.float32), normals.astype(np.float32)
    )


def photo_of(picture):
    return Photo(
        "shot",
        ".png",
        b"",
        (picture.colours * 255 + 0.5).astype(np.uint8),
        focal_px=picture.view.fx,
    )


def sample(picture, **changes):
    places = np.nonzero(np.isfinite(picture.depth))
    known = measured.Measured(
        "street",
        ("cycles outdoors", measured.CYCLES),
        photo_of(picture),
        None,
        True,
        True,
        places,
        picture.depth[places],
        picture,
    )
    return replace(known, **changes)
