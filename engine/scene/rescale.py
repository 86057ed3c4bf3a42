"""Rescaling: a scene grows or shrinks until one measured length is true.

It does so about the point of the ground under the photo's eye, everything with it: the photo's own
view stays as it is.
"""

from dataclasses import replace

import numpy as np

from ..camera import Camera
from ..errors import ArgumentError
from ..progress import Progress
from ..regions import Region
from ..render.levels.build import build_levels
from ..splats import Splats
from .measuring import MOST, Measure, measured
from .record import PHOTO_CAMERA, Maps, Scene

_MEASURED = "; metres from a measured "


def scaled(scene: Scene, factor: float) -> Scene:
    """Multiply all lengths of a scene, about the point of the ground under the photo's eye.

    Positions and sizes of splats, positions of cameras, planes, depth and its uncertainty; the
    photo's view stays as it is. Levels of detail are not carried over.
    """
    eye = scene.camera(PHOTO_CAMERA).position
    centre = np.array([eye[0], eye[1], 0.0])
    cameras = tuple(_camera(camera, centre, factor) for camera in scene.cameras)
    maps = None if scene.maps is None else _maps(scene.maps, factor)
    regions = tuple(_region(region, centre, factor) for region in scene.regions)
    splats = _splats(scene.splats, centre, factor)
    return scene.with_(splats=splats, cameras=cameras, maps=maps, regions=regions)


def _splats(splats: Splats, centre: np.ndarray, factor: float) -> Splats:
    # Double precision: a scene may lie far from the centre.
    from_centre = splats.positions.astype(float) - centre
    positions = centre + factor * from_centre
    return splats.with_(positions=positions, scales=splats.scales.astype(float) * factor)


def _camera(camera: Camera, centre: np.ndarray, factor: float) -> Camera:
    return replace(camera, position=centre + factor * (camera.position - centre))


def _maps(maps: Maps, factor: float) -> Maps:
    by = np.float32(factor)
    return replace(maps, depth=maps.depth * by, uncertainty=maps.uncertainty * by)


def _region(region: Region, centre: np.ndarray, factor: float) -> Region:
    """Scale a region's plane n . p + d = 0 about c: d becomes f d + (f - 1) n . c."""
    if region.plane is None:
        return region
    plane = np.array(region.plane, float)
    normal = plane[:3]
    plane[3] = factor * plane[3] + (factor - 1) * (normal @ centre)
    return replace(region, plane=plane)


def rescale(
    scene: Scene, measure: Measure, progress: Progress | None = None
) -> tuple[Scene, float]:
    """Scale a scene so that the measured thing has its length.

    Returns:
        The scene, with new levels of detail, and the factor it was scaled by.

    Raises:
        ArgumentError: the points cannot be measured between, or the scale would change beyond
            reason. SceneError: the scene lacks what the measure needs.
    """
    progress = progress or Progress()
    progress(0.0, "Measuring")
    before = measured(scene, measure)
    factor = measure.length / before
    if not 1 / MOST <= factor <= MOST:
        raise ArgumentError(
            f"That would make the scene {factor:g} times as large; check the length and the points."
        )
    made = scaled(scene, factor)
    made = made.with_(depth_source=_source(scene.depth_source, measure))
    levels = build_levels(made.splats, progress.part(0.1, 1.0))
    return made.with_(levels=levels), factor


def _source(before: str, measure: Measure) -> str:
    """Say how the scene's metres are known, for people: by the last measure."""
    return f"{before.split(_MEASURED)[0]}{_MEASURED}{measure.what} of {measure.length:g} m"
