"""Ray-cast scenes with silhouettes for tests of lifting: the true estimate of a picture, cameras beside it, what they see."""

from dataclasses import replace

import cv2
import numpy as np
from raycast import SKY, Picture, Wall, camera, front, room, shoot, street

from engine.camera import View
from engine.depth import DepthEstimate
from engine.depth.surfaces import normals
from engine.geometry import rotation_about
from engine.splats import Splats

BACKDROP = 100.0  # metres at least, to the sky
CONFIDENCE = 0.8

PERSON = Wall((-1.2, 5, 0), (1, 0, 0), (0, 0, 1), 0.7, 1.8, "plain", (0.75, 0.25, 0.2))
POLE = Wall((0.9, 4, 0), (1, 0, 0), (0, 0, 1), 0.09, 3.0, "plain", (0.1, 0.1, 0.12))
VAN = Wall((1.6, 7, 0), (1, 0, 0), (0, 0, 1), 1.6, 1.4, "facade", (0.2, 0.35, 0.7))
CHAIR = Wall((0.5, 3, 0), (1, 0, 0), (0, 0, 1), 0.9, 0.8, "facade", (0.3, 0.3, 0.7))

SCENES = {
    "street": [*street(), PERSON, POLE, VAN],
    "front": [*front(), PERSON, POLE, VAN],
    "room": [*room(), replace(PERSON, corner=(-1.2, 2.4, 0), height=1.5), CHAIR],
}


def photograph(name: str) -> Picture:
    """The scene seen by its photo's camera."""
    return shoot(SCENES[name], camera(240, 160, 200.0, pitch=-3))


def estimate_of(picture: Picture, blur: int = 0) -> DepthEstimate:
    """The true depth, its normals measured from it; blurred over so many pixels as networks blur it, in inverse depth."""
    sky = picture.surface == SKY
    beyond = max(BACKDROP, 3 * picture.depth[~sky].max())
    depth = np.where(sky, beyond, picture.depth).astype(np.float32)
    if blur:
        depth = (1 / cv2.blur(1 / depth, (blur, blur))).astype(np.float32)
    return DepthEstimate(
        view=picture.view,
        depth=depth,
        uncertainty=0.05 * depth,
        confidence=np.full_like(depth, CONFIDENCE),
        normal=normals(picture.view, depth),
        sky=sky,
        ground=picture.surface == 0,
        source="exact",
    )


def scene_depth(estimate: DepthEstimate) -> float:
    """The median depth of what is not sky, metres."""
    return float(np.median(estimate.depth[~estimate.sky]))


def beside(view: View, metres: float) -> View:
    """The camera moved to its right."""
    pose = view.world_from_camera.copy()
    pose[:3, 3] += pose[:3, 0] * metres
    return replace(view, world_from_camera=pose)


def orbited(view: View, degrees: float, pivot: float) -> View:
    """The camera turned about what lies `pivot` metres ahead."""
    turn = rotation_about(np.array([0, 0, 1.0]), np.radians(degrees))
    pose = view.world_from_camera.copy()
    centre = view.position + pose[:3, 2] * pivot
    pose[:3, :3] = turn @ pose[:3, :3]
    pose[:3, 3] = centre + turn @ (view.position - centre)
    return replace(view, world_from_camera=pose)


def seen_and_hidden(base: Picture, new: Picture) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) bool each: what of a new picture the photo shows, and what lay in its frame behind something nearer."""
    nowhere = 1e4  # metres: the sky
    points = new.view.unproject(np.where(np.isfinite(new.depth), new.depth, nowhere))
    pixels, depth = base.view.project(points)
    size = np.array([base.view.width, base.view.height])
    inside = ((pixels >= 1) & (pixels < size - 1)).all(axis=-1) & (depth > 0)
    columns, rows = np.moveaxis(np.clip(pixels, 0, size - 1).astype(int), -1, 0)
    there = np.where(np.isfinite(base.depth), base.depth, nowhere)[rows, columns]
    return inside & (np.abs(there / depth - 1) < 0.02), inside & (there < depth * 0.98)


def psnr(picture: np.ndarray, truth: np.ndarray, where: np.ndarray) -> float:
    """Decibels over the pixels of a mask."""
    return float(-10 * np.log10(np.mean((np.clip(picture, 0, 1) - truth)[where] ** 2)))


def inside(splats: Splats, camera: View) -> np.ndarray:
    """(N,) bool: which of them lie in the camera's frame."""
    pixels, _ = camera.project(splats.positions)
    return ((pixels > 0) & (pixels < [camera.width, camera.height])).all(axis=1)
