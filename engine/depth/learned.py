"""Depth of a network in our own world: its metres, our gravity, and both agreeing where the ground is.

              ┌─► built-in metrology ─► gravity, focal length, sky, coarse depth ─┐
photo ─► grid ┤                                                (the prompt)       ├─► ground, height, scale ─► DepthEstimate
              └─► network ─► depth (and Depth Pro's field of view) ───────────────┘
"""

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from .. import models
from ..errors import DepthError
from ..geometry import pose
from ..progress import Progress
from . import builtin
from .record import DepthEstimate
from .sky import behind_all
from .surfaces import normals

NEEDS_AI_ENGINE = (
    "This depth model needs the AI engine (torch and transformers), which is not installed. "
    "Install it, or use the built-in depth."
)
INDOORS_OUTSIDE = "{title} was made for rooms, and this photo shows sky: its distances are too short. Use an outdoor model."
FOCAL_UNKNOWN = (
    "This photo does not tell its focal length, so that is estimated: widths are rough. Give it and reconstruct again."
)
NOT_COMMERCIAL = "The depth is by {title}, whose licence ({licence}) allows no commercial use."
SCALED = "{title} took this photo for {factor} times its size; it was scaled to the camera height that you gave."
TOLD_BY = "from the depth model"

_PACKAGES = ("torch", "transformers")
_UPRIGHT, _GROUND_UPRIGHT = np.cos(np.radians(20)), np.cos(np.radians(12))  # a normal that rises this steeply may be a floor's
_LEAST_FLOOR = 0.01  # of the picture that must be floor before its distance is believed
_LEAST_DROP = 0.03  # how far a ray to the floor falls a metre: flatter ones tell the height badly
_HEIGHTS = (0.05, 500.0)  # metres: from an insect's eye to a drone's
_GROUND_REACH, _GROUND_LEAST = 0.03, 0.05  # of the distance, and metres: how far the ground may rise and fall
_SKY_BEYOND = 80  # percent of what is no sky that must be nearer than what is; a white wall is not
_SKY_ERROR, _SKY_CONFIDENCE = 0.5, 0.6  # its distance is unknown, but at that distance it moves no pixel
_SKY_SHARE = 0.1  # of the picture: a room's window has less
_UNKNOWN_ERROR = 0.25  # of a model that belongs to no known name
_FOCAL_ERROR = 0.12  # of a focal length that was estimated
_HALF = 0.35  # relative error at which confidence is one half, as the built-in estimate has it
_MOST_ERROR = 1.0
_NO_LOG = np.float32(1e3)  # beyond the logarithm of any depth
_SCALE_SURPRISE = 1.5  # a correction by more is worth a sentence


@dataclass(frozen=True)
class Known:
    """What is known of the photo before anything is estimated."""

    focal: float | None  # pixels of the grid
    focal_from: str
    camera_height: float | None  # metres


def measure(
    colours: np.ndarray, known: Known, name: str | None, folder: str | Path | None, progress: Progress
) -> DepthEstimate:
    """Estimate depth with a model.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded.
        known: focal length and camera height where the user or EXIF tells them.
        name: of the model in `engine.models`; None where the folder alone says which it is.
        folder: with the model's files; None: where models are kept.
        progress: told 0..1; a cancel is seen before every layer.

    Raises:
        DepthError: the model or what runs it is missing, damaged, or too large for the memory.
    """
    model = models.find(name, folder)
    networks = _networks()
    progress(0.0, f"Opening {model.title}")
    network = networks.load(model, progress)
    progress(0.3, f"Depth by {model.title}")
    base = None
    if model.family == "prompt_depth_anything":
        base = _metrology(colours, known, progress.part(0.3, 0.45))
    prompt = None if base is None else _coarse(base)
    found = network.predict(colours, known.focal, prompt, progress.part(0.45, 0.8))
    if known.focal is None and found.focal is not None:
        known = replace(known, focal=found.focal, focal_from=TOLD_BY)
    base = base or _metrology(colours, known, progress.part(0.8, 0.95))
    progress(0.95, "Placing the ground")
    return place(base, found.depth, model, known)


def _networks() -> Any:
    """The room's torch half, loaded now.

    Raises:
        DepthError: torch or transformers are not there, or do not start.
    """
    if any(importlib.util.find_spec(package) is None for package in _PACKAGES):
        raise DepthError(NEEDS_AI_ENGINE)
    try:
        from . import networks
    except (ImportError, OSError, RuntimeError) as error:  # a library that is not for this machine, or packages that clash
        raise DepthError(f"The AI engine does not start ({error}). Install it again, or use the built-in depth.") from error
    return networks


def _metrology(colours: np.ndarray, known: Known, progress: Progress) -> DepthEstimate:
    return builtin.measure(colours, known.focal, known.focal_from, known.camera_height, progress)


def _coarse(base: DepthEstimate) -> np.ndarray:
    """The built-in depth as a prompt: sky no farther than what stands before it, for the network scales by the range."""
    solid = base.depth[~base.sky]
    return np.minimum(base.depth, solid.max()) if solid.size else base.depth


def place(base: DepthEstimate, depth: np.ndarray, model: models.LocalModel, known: Known) -> DepthEstimate:
    """A network's depth in the world of the built-in estimate.

    The ground is where the network's surface lies level under what metrology calls ground; its distance is the camera's
    height, or, where that height was given, fixes the scale of everything.

    Args:
        base: gravity, focal length, sky and ground of the same grid.
        depth: (H, W) float32, planar metres.
        model: whose depth it is.
        known: what was given.
    """
    floor = floor_height(base, depth)
    factor = known.camera_height / floor if known.camera_height and floor else 1.0
    height = known.camera_height or floor or float(base.view.position[2])
    depth = depth * np.float32(factor)
    view = replace(base.view, world_from_camera=pose(base.view.world_from_camera[:3, :3], np.array([0.0, 0.0, height])))
    sky = real_sky(base.sky, depth, model)
    depth = behind_all(depth, sky)
    normal = normals(view, depth)
    rises = np.abs(view.unproject(depth)[..., 2]) < np.maximum(_GROUND_REACH * depth, _GROUND_LEAST)
    relative = relative_error(depth, sky, model, known)
    return DepthEstimate(
        view=view,
        depth=depth,
        uncertainty=(relative * depth).astype(np.float32),
        confidence=np.where(sky, _SKY_CONFIDENCE, 1 / (1 + (relative / _HALF) ** 2)).astype(np.float32),
        normal=normal,
        sky=sky,
        ground=rises & (normal[..., 2] > _GROUND_UPRIGHT) & ~sky,
        source=_source(model, known, height, floor),
        warnings=_warnings(model, known, base.sky, factor),
    )


def floor_height(base: DepthEstimate, depth: np.ndarray) -> float | None:
    """How far below the camera a depth map has its floor, metres; None where it has none that could be told.

    Asked are the pixels that metrology calls ground, where the map's own surface is level: so a table or a hedge that
    stands where ground was assumed has no say.
    """
    drop = -(base.view.rays() @ base.view.world_from_camera[:3, :3].T)[..., 2]
    level = normals(base.view, depth)[..., 2] > _UPRIGHT
    asked = base.ground & level & (drop > _LEAST_DROP)
    if asked.mean() < _LEAST_FLOOR:
        return None
    height = float(np.median((depth * drop)[asked]))
    return height if _HEIGHTS[0] <= height <= _HEIGHTS[1] else None


def real_sky(sky: np.ndarray, depth: np.ndarray, model: models.LocalModel) -> np.ndarray:
    """The sky (H, W) bool that the network does not contradict by seeing it nearer than most of the rest."""
    if not sky.any() or sky.all() or (model.card and model.card.place == "indoors"):
        return sky & (model.card is None or model.card.place != "indoors")
    far = float(np.median(depth[sky])) >= float(np.percentile(depth[~sky], _SKY_BEYOND))
    return sky if far else np.zeros_like(sky)


def relative_error(depth: np.ndarray, sky: np.ndarray, model: models.LocalModel, known: Known) -> np.ndarray:
    """One standard deviation of each pixel's depth over its depth, (H, W) float32, at most 1.

    The model's usual error, what a guessed focal length adds, and at edges half of what the depth jumps within a pixel:
    there the network's coarser grid cannot say to which side a pixel belongs.
    """
    logs, kernel = np.log(depth).astype(np.float32), np.ones((3, 3), np.uint8)
    # The sky has no say: its edge is the picture's, not the network's.
    highest, lowest = cv2.dilate(np.where(sky, -_NO_LOG, logs), kernel), cv2.erode(np.where(sky, _NO_LOG, logs), kernel)
    jump = 0.5 * np.maximum(highest - lowest, 0)
    usual = model.card.error if model.card else _UNKNOWN_ERROR
    focal = 0.0 if known.focal is not None and known.focal_from != TOLD_BY else _FOCAL_ERROR
    total = np.sqrt(usual**2 + focal**2 + jump**2)
    return np.where(sky, _SKY_ERROR, np.minimum(total, _MOST_ERROR)).astype(np.float32)


def _source(model: models.LocalModel, known: Known, height: float, floor: float | None) -> str:
    """How it was measured, for people."""
    stand = "given" if known.camera_height else "as the model sees the ground" if floor else "assumed"
    focal = known.focal_from if known.focal is not None else "estimated"
    return f"{model.title}: focal length {focal}, camera {height:.2g} m up ({stand})"


def _warnings(model: models.LocalModel, known: Known, sky: np.ndarray, factor: float) -> tuple[str, ...]:
    """What the artist should be told."""
    found = []
    card, title = model.card, model.title
    if card and not card.commercial:
        found.append(NOT_COMMERCIAL.format(title=title, licence=card.licence))
    if card and card.place == "indoors" and sky.mean() > _SKY_SHARE:
        found.append(INDOORS_OUTSIDE.format(title=title))
    if known.focal is None:
        found.append(FOCAL_UNKNOWN)
    if not 1 / _SCALE_SURPRISE < factor < _SCALE_SURPRISE:
        found.append(SCALED.format(title=title, factor=f"{1 / factor:.2g}"))
    return tuple(found)
