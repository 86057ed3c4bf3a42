"""What Blender asks for frame by frame: the overlay's arrays, a rendered frame, a finished EXR."""

from pathlib import Path
from typing import Any

import numpy as np

from .. import export
from ..camera import Camera, View
from ..geometry import quaternion_to_matrix
from ..progress import Progress
from ..render import RenderOptions
from ..render.rasteriser import render
from ..scene import Scene
from ..splats import Splats
from ..store import atomic_path


def parse_view(record: dict[str, Any]) -> View:
    """The wire's view.

    Raises:
        ArgumentError: it is incomplete or makes no sense.
    """
    return View.from_json(record)


def overlay_rows(splats: Splats) -> np.ndarray:
    """(N, 16) float32: x y z opacity, covariance xx xy xz yy yz zz in m^2, region, confidence, r g b, origin."""
    axes = quaternion_to_matrix(splats.rotations) * splats.scales[:, None, :]
    covariance = axes @ axes.transpose(0, 2, 1)
    rows = np.empty((len(splats), 16), np.float32)
    rows[:, 0:3] = splats.positions
    rows[:, 3] = splats.opacities
    for column, (i, j) in enumerate(((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)), start=4):
        rows[:, column] = covariance[:, i, j]
    rows[:, 10] = splats.region
    rows[:, 11] = splats.confidence
    rows[:, 12:15] = splats.colors
    rows[:, 15] = splats.origin
    return rows


def write_overlay(scene: Scene, output: str, progress: Progress) -> dict[str, Any]:
    """Write the overlay's arrays as a .npy file."""
    progress(0.0, "Preparing the viewport")
    with atomic_path(Path(output)) as temporary, open(temporary, "wb") as file:
        np.save(file, overlay_rows(scene.splats))
    return {"count": len(scene.splats)}


def frame_options(scene: Scene, moving: bool = False) -> RenderOptions:
    """How a frame of a scene is drawn: splats lifted from the photo without shimmer where the camera is far from them."""
    focal = scene.photo_view.fx if scene.maps is not None else None
    return RenderOptions(
        photo_position=scene.photo_eye,
        photo_focal=focal,
        antialiased=focal is not None,
        moving=moving,
    )


def render_frame(
    scene: Scene, view: View, output: str, progress: Progress, moving: bool = False
) -> dict[str, Any]:
    """Render all passes of a view into a file of raw planes; `moving`: in bounded time, from levels of detail."""
    progress(0.0, "Rendering")
    picture = render(scene.splats, view, frame_options(scene, moving), progress, scene.levels)
    progress(0.8, "Handing over")
    layout = export.write_planes(Path(output), export.frame_planes(picture))
    return {
        "layout": layout,
        "void_coverage": float(picture.void.mean()),
        "confidence": export.frame_confidence(scene, picture),
    }


def finish_frame(scene: Scene, args: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Give an EXR that Blender wrote its contract names and header."""
    progress(0.0, "Finishing the EXR")
    view = parse_view(args["view"])
    camera = Camera.from_json(args["camera"]) if args.get("camera") else None
    source, destination = Path(args["path"]), Path(args.get("output") or args["path"])
    return export.finish(
        source,
        destination,
        scene=scene,
        view=view,
        camera=camera,
        frame=int(args["frame"]),
        fps=float(args["fps"]),
    )
