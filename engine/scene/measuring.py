"""Metric truth: one length that is known, and how long it is in the scene.

Points are looked up in the depth map. Heights are read from the foot alone, as in Criminisi, Reid
and Zisserman, "Single View Metrology" (IJCV 2000): what is seen at a thing's top is often the
background.
"""

from dataclasses import dataclass

import numpy as np

from ..errors import ArgumentError, SceneError
from .record import PHOTO_CAMERA, Scene

# The longest length in metres, and the largest change of scale; their inverses are the smallest.
MOST = 1e5
_LEAST_SPAN = 1e-6  # of the distance: two points nearer to each other than this are one

Point = tuple[float, float]


@dataclass(frozen=True)
class Measure:
    """A length that is known: exactly one of the first three."""

    camera_height: float | None = None  # metres between the ground and the photo's eye
    distance: float | None = None  # metres in a straight line between the two points
    object_height: float | None = (
        None  # metres from the second point, a foot, straight up to the first
    )
    points: tuple[Point, Point] | None = (
        None  # pixels of the upright photo, (x, y) from its upper left corner
    )

    def __post_init__(self) -> None:
        """Refuse what is no measure, before any work is done."""
        lengths = self.camera_height, self.distance, self.object_height
        given = [length for length in lengths if length is not None]
        if len(given) != 1:
            raise ArgumentError(
                "Give exactly one length: the camera's height, a distance, or an object's height."
            )
        if not 1 / MOST <= given[0] <= MOST:
            raise ArgumentError(
                f"The length must be a number from {1 / MOST:g} to {MOST:g} metres, "
                f"not {given[0]:g}."
            )
        if self.camera_height is not None and self.points is not None:
            raise ArgumentError("A camera's height needs no points; leave them out.")
        if self.camera_height is None:
            _check_points(self.points)

    @property
    def what(self) -> str:
        """Name the measured thing, for people."""
        if self.camera_height is not None:
            return "camera height"
        return "distance" if self.distance is not None else "object height"

    @property
    def length(self) -> float:
        """Metres that the measured thing is to have."""
        return next(
            x for x in (self.camera_height, self.distance, self.object_height) if x is not None
        )


def _check_points(points: tuple[Point, Point] | None) -> tuple[Point, Point]:
    """The points, where they are a pair of points."""
    if points is None or len(points) != 2 or any(len(point) != 2 for point in points):
        raise ArgumentError(
            "Give the two points of the photo that the length lies between, each as x,y in pixels."
        )
    if not np.isfinite(points).all():
        raise ArgumentError("The points must be numbers, in pixels of the photo.")
    if points[0] == points[1]:
        raise ArgumentError("The two points are the same one; choose two that lie apart.")
    return points


def measured(scene: Scene, measure: Measure) -> float:
    """Metres that the measured thing has in the scene now.

    Raises:
        ArgumentError: a point lies outside the photo or in the sky, or there is nothing to measure
            between the two. SceneError: the scene has no depth map to look points up in, or no
            ground under its camera.
    """
    eye = scene.camera(PHOTO_CAMERA).position
    if measure.camera_height is not None:
        if eye[2] <= 0:
            raise SceneError(
                "This scene's photo was not taken from above its ground; "
                "measure a distance instead."
            )
        return float(eye[2])
    top, foot = _check_points(measure.points)
    base = _surface_point(scene, foot)
    if measure.object_height is not None:
        length = _height_above(scene, top, base)
    else:
        length = float(np.linalg.norm(_surface_point(scene, top) - base))
    if length <= _LEAST_SPAN * float(np.linalg.norm(base - eye)):
        raise ArgumentError(
            "The two points lie at one place of the scene; choose two that lie apart."
        )
    return length


def _ray(scene: Scene, point: Point) -> np.ndarray:
    """The direction (3,) in the world through a point of the photo, one metre deep."""
    view = scene.photo_view
    width, height = _photo_size(scene)
    x, y = point
    if not (0 <= x <= width and 0 <= y <= height):
        raise ArgumentError(
            f"The point {x:g},{y:g} lies outside the photo, which is {width} x {height} pixels."
        )
    right, down = x * view.width / width - view.cx, y * view.height / height - view.cy
    return view.world_from_camera[:3, :3] @ [right / view.fx, down / view.fy, 1.0]


def _photo_size(scene: Scene) -> tuple[int, int]:
    view, photo = scene.photo_view, scene.photo
    return (photo.width, photo.height) if photo else (view.width, view.height)


def _surface_point(scene: Scene, point: Point) -> np.ndarray:
    """Return the place (3,) in the world that a point of the photo shows, by the depth map."""
    if scene.maps is None:
        raise SceneError(
            "This scene has no depth map to look points up in; reconstruct the photo again."
        )
    ray, depth = _ray(scene, point), scene.maps.depth
    width, height = _photo_size(scene)
    row = min(int(point[1] * depth.shape[0] / height), depth.shape[0] - 1)
    column = min(int(point[0] * depth.shape[1] / width), depth.shape[1] - 1)
    sky = scene.sky
    if not np.isfinite(depth[row, column]) or (sky is not None and sky[row, column]):
        raise ArgumentError(
            f"The point {point[0]:g},{point[1]:g} lies in the sky; choose one on something solid."
        )
    return scene.camera(PHOTO_CAMERA).position + float(depth[row, column]) * ray


def _height_above(scene: Scene, top: Point, foot: np.ndarray) -> float:
    """Metres from a foot (3,) straight up to where the ray through the top passes over it."""
    eye, ray = scene.camera(PHOTO_CAMERA).position, _ray(scene, top)
    ahead = (foot - eye)[:2]
    towards = float(ray[:2] @ ahead)
    rise = float(eye[2] + ray[2] * (ahead @ ahead) / towards - foot[2]) if towards > 0 else 0.0
    if rise <= 0:
        raise ArgumentError(
            "The top does not lie above the foot; "
            "give the top first, then the foot straight below it."
        )
    return rise
