"""What the built-in estimator is held against: a floor that knows nothing, no weights, the truth, and models on disk."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.cycles.library import Picture
from engine import models
from engine.camera import View
from engine.depth import DEFAULT_CAMERA_HEIGHT, DepthEstimate, DepthOptions
from engine.depth.builtin import network
from engine.depth.estimating import estimate, grid_size, known_focal
from engine.geometry import LOOK_ALONG_Y, pose
from engine.image import Photo

BUILTIN, FALLBACK, FLOOR, TRUTH = "builtin", "gravity+ground+backdrop", "floor", "truth"
PLANE_OUTDOORS, PLANE_INDOORS = 6.0, 3.0  # metres: where most of what is photographed stands
_DEFAULT_FOCAL = (
    0.85  # of the longer side, where the floor is not told: what most cameras come near
)
_SKY_FACTOR = 3.0  # times the farthest thing: the sky's backdrop in the true map
_SURE = 0.01  # part of the depth: what the true map doubts

Estimator = Callable[[Photo, DepthOptions, bool], DepthEstimate]


@dataclass(frozen=True)
class Source:
    """A way to a depth map."""

    name: str
    estimate: Estimator  # of a photo, of what is known of it, and of whether it was taken outdoors (the floor alone looks)


def sources() -> list[Source]:
    """Every source that is on this machine and needs no truth."""
    found = [name for name, card in models.MODELS.items() if models.installed(card) is not None]
    return [
        Source(BUILTIN, builtin),
        Source(FALLBACK, _fallback),
        Source(FLOOR, floor),
        *map(_model, found),
    ]


def floor(photo: Photo, options: DepthOptions, outdoors: bool) -> DepthEstimate:
    """A plane across the view at the usual distance, of a level camera: no look at the picture at all."""
    width, height = grid_size(photo, options.max_pixels)
    known, _ = known_focal(photo, options)
    focal = (known or _DEFAULT_FOCAL * max(photo.width, photo.height)) * width / photo.width
    stand = pose(LOOK_ALONG_Y, np.array([0, 0, DEFAULT_CAMERA_HEIGHT]))
    view = View(focal, focal, width / 2, height / 2, width, height, stand)
    depth = np.full((height, width), PLANE_OUTDOORS if outdoors else PLANE_INDOORS, np.float32)
    facing = np.broadcast_to(-stand[:3, 2].astype(np.float32), (height, width, 3)).copy()
    return _whole(view, depth, facing, np.zeros((height, width), bool), FLOOR)


def truth(picture: Picture) -> DepthEstimate:
    """The ceiling: the true depth, normals and camera of a picture."""
    sky = ~np.isfinite(picture.depth)
    depth = np.where(sky, _SKY_FACTOR * picture.depth[~sky].max(), picture.depth).astype(np.float32)
    back = -picture.view.rays() @ picture.view.world_from_camera[:3, :3].T.astype(np.float32)
    back /= np.linalg.norm(back, axis=-1, keepdims=True)
    normal = np.where(sky[..., None], back, picture.normal)
    normal *= np.where((normal * back).sum(-1, keepdims=True) < 0, -1, 1)
    return _whole(picture.view, depth, normal.astype(np.float32), sky, TRUTH)


def _whole(
    view: View, depth: np.ndarray, normal: np.ndarray, sky: np.ndarray, source: str
) -> DepthEstimate:
    """An estimate that is equally sure of everything, and knows no ground."""
    one = np.ones(depth.shape, np.float32)
    return DepthEstimate(
        view, depth, _SURE * depth, one, normal, sky, np.zeros(depth.shape, bool), source
    )


def builtin(photo: Photo, options: DepthOptions, _outdoors: bool) -> DepthEstimate:
    """The engine's own."""
    return estimate(photo, options)


def _fallback(photo: Photo, options: DepthOptions, _outdoors: bool) -> DepthEstimate:
    with without_weights():
        return estimate(photo, options)


def _model(name: str) -> Source:
    return Source(
        name, lambda photo, options, _outdoors: estimate(photo, replace(options, source=name))
    )


@contextlib.contextmanager
def without_weights() -> Iterator[None]:
    """Inside, the built-in estimator does not find its network's weights."""
    before = network.available
    network.available = lambda: False
    try:
        yield
    finally:
        network.available = before


@contextlib.contextmanager
def with_weights(path: Path) -> Iterator[None]:
    """Inside, the built-in estimator's network has other weights: to choose between runs of the trainer by what they see."""
    before = network.WEIGHTS
    network.WEIGHTS = path
    try:
        yield
    finally:
        network.WEIGHTS = before
