"""Cameras: `View` is a pinhole in pixels, `Camera` the same in an artist's millimetres."""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import ArgumentError
from .geometry import (
    invert_pose,
    matrix_to_quaternion,
    pose,
    quaternion_to_matrix,
    transform_points,
)

# The width of 35 mm film, to which photographers relate focal lengths.
FULL_FRAME_WIDTH_MM = 36.0
# Pixels a side of a picture that is rendered.
MAX_SIZE = 16384
# Pixels a side of a photo: the largest has 100 megapixels and the narrowest is 64 pixels wide.
LONGEST_SIDE = 1_562_500
# Metres from the origin; beyond this not even double precision places a picture's pixels.
_FARTHEST = 1e9
# Millimetres, of lenses and sensors; a length outside these limits is a damaged number.
_SHORTEST_MM = 1e-3
_LONGEST_MM = 1e6
# A quaternion's length may differ from 1 by this much: other programs write few digits.
_UNIT_TOLERANCE = 0.01
# Characters of an id; Blender keeps 255.
_LONGEST_ID = 300
# Control characters, and surrogates, which UTF-8 cannot hold.
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
# The largest ratio of a picture's sides, and of its shift to its width.
_LARGEST_RATIO = 1e5


@dataclass(frozen=True, eq=False)
class View:
    """A pinhole camera with a size in pixels.

    Pixel centres lie at +0.5; pixel coordinates begin at the top left corner of the picture.
    """

    fx: float  # pixels
    fy: float  # pixels
    cx: float  # pixels from the left edge
    cy: float  # pixels from the top edge
    width: int
    height: int
    world_from_camera: np.ndarray  # (4, 4) float64, OpenCV camera frame: x right, y down, z forward

    def __post_init__(self) -> None:
        """Refuse numbers that describe no picture.

        A photo may be a longer strip than can be rendered, so the limit is LONGEST_SIDE.

        Raises:
            ArgumentError: the size is out of range, or a number is not finite or not positive.
        """
        fits = 1 <= self.width <= LONGEST_SIDE and 1 <= self.height <= LONGEST_SIDE
        if not fits:
            raise ArgumentError(
                f"A picture of {self.width}x{self.height} cannot be made; "
                f"use 1 to {MAX_SIZE} pixels a side."
            )
        intrinsics_finite = np.isfinite([self.fx, self.fy, self.cx, self.cy]).all()
        if not (intrinsics_finite and self.fx > 0 and self.fy > 0):
            raise ArgumentError("The camera's focal length must be a positive number.")
        if not np.isfinite(self.world_from_camera).all():
            raise ArgumentError("The camera's position and rotation must be finite numbers.")

    @property
    def camera_from_world(self) -> np.ndarray:
        """The rigid inverse of the pose, (4, 4) float64."""
        return invert_pose(self.world_from_camera)

    @property
    def intrinsics(self) -> np.ndarray:
        """The matrix K of the pinhole, (3, 3), pixels."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    @property
    def position(self) -> np.ndarray:
        """The camera's centre, (3,), metres, world."""
        return self.world_from_camera[:3, 3]

    def resized(self, width: int, height: int) -> "View":
        """Return the same picture on another grid of pixels."""
        scale_x = width / self.width
        scale_y = height / self.height
        return replace(
            self,
            fx=self.fx * scale_x,
            fy=self.fy * scale_y,
            cx=self.cx * scale_x,
            cy=self.cy * scale_y,
            width=width,
            height=height,
        )

    def rays(self) -> np.ndarray:
        """Return the directions through the pixel centres.

        Returns:
            (height, width, 3) float32, camera frame, scaled so that z = 1.
        """
        columns = np.arange(self.width, dtype=np.float32) + 0.5
        rows = np.arange(self.height, dtype=np.float32) + 0.5
        rays = np.ones((self.height, self.width, 3), np.float32)
        rays[..., 0] = (columns - self.cx) / self.fx
        rays[..., 1] = ((rows - self.cy) / self.fy)[:, None]
        return rays

    def unproject(self, depth: np.ndarray) -> np.ndarray:
        """Lift a map of planar depth to world points.

        Args:
            depth: (height, width), metres along the camera's z axis.

        Returns:
            (height, width, 3), metres, world.
        """
        points = self.rays() * np.asarray(depth)[..., None]  # camera frame
        return transform_points(self.world_from_camera, points)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Project world points into the picture.

        Args:
            points: (..., 3), metres, world.

        Returns:
            Pixels (..., 2) and planar depth (...) in metres, negative behind the camera.
        """
        camera_points = transform_points(self.camera_from_world, np.asarray(points, float))
        depth = camera_points[..., 2]
        focal_lengths = [self.fx, self.fy]
        principal_point = [self.cx, self.cy]
        # A point in the camera's own plane has no pixel: it gets inf or NaN, without a warning.
        with np.errstate(divide="ignore", invalid="ignore"):
            tangents = camera_points[..., :2] / depth[..., None]
            pixels = tangents * focal_lengths + principal_point
        return pixels, depth

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers for the wire; the pose row by row."""
        return {
            "fx": float(self.fx),
            "fy": float(self.fy),
            "cx": float(self.cx),
            "cy": float(self.cy),
            "width": int(self.width),
            "height": int(self.height),
            "world_from_camera": np.asarray(self.world_from_camera, float).reshape(16).tolist(),
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "View":
        """Read what `to_json` gives.

        Raises:
            ArgumentError: the record is incomplete or describes no picture.
        """
        try:
            fx = float(record["fx"])
            fy = float(record["fy"])
            cx = float(record["cx"])
            cy = float(record["cy"])
            width = int(record["width"])
            height = int(record["height"])
            world_from_camera = np.array(record["world_from_camera"], float).reshape(4, 4)
        except (KeyError, TypeError, ValueError) as error:
            raise ArgumentError(f"The view is incomplete ({error}).") from error
        return cls(fx, fy, cx, cy, width, height, world_from_camera)


@dataclass(frozen=True, eq=False)
class Camera:
    """A camera as an artist knows it; independent of the picture's size in pixels."""

    id: str
    position: np.ndarray  # (3,) metres, world
    rotation: np.ndarray  # (4,) w x y z, world from OpenCV camera
    focal_length: float  # millimetres
    sensor_width: float = FULL_FRAME_WIDTH_MM  # millimetres
    aspect_ratio: float = 1.5  # width / height
    shift: tuple[float, float] = (0.0, 0.0)  # Blender's lens shift, in widths: right, up

    @property
    def world_from_camera(self) -> np.ndarray:
        """The pose, (4, 4) float64, OpenCV camera frame."""
        return pose(quaternion_to_matrix(self.rotation), self.position)

    @property
    def field_of_view(self) -> float:
        """The horizontal field of view, radians."""
        return 2 * float(np.arctan(self.sensor_width / 2 / self.focal_length))

    def view(self, width: int, height: int) -> View:
        """Return the view on a grid of pixels.

        The horizontal field of view is kept whatever the aspect ratio of the grid.
        """
        shift_right, shift_up = self.shift
        focal_length = self.focal_length / self.sensor_width * width  # pixels
        return View(
            fx=focal_length,
            fy=focal_length,
            cx=width / 2 - shift_right * width,
            cy=height / 2 + shift_up * width,
            width=width,
            height=height,
            world_from_camera=self.world_from_camera,
        )

    def moved(self, world_from_camera: np.ndarray) -> "Camera":
        """Return the same lens at another pose (4, 4)."""
        return replace(
            self,
            position=world_from_camera[:3, 3].copy(),
            rotation=matrix_to_quaternion(world_from_camera[:3, :3]),
        )

    @classmethod
    def from_view(cls, id: str, view: View, sensor_width: float = FULL_FRAME_WIDTH_MM) -> "Camera":
        """Return the camera of a view that has square pixels."""
        shift_right = (view.width / 2 - view.cx) / view.width
        shift_up = (view.cy - view.height / 2) / view.width
        return cls(
            id=id,
            position=view.position.copy(),
            rotation=matrix_to_quaternion(view.world_from_camera[:3, :3]),
            focal_length=view.fx / view.width * sensor_width,
            sensor_width=sensor_width,
            aspect_ratio=view.width / view.height,
            shift=(shift_right, shift_up),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers for scene.json and the wire."""
        return {
            "id": self.id,
            "position": [float(x) for x in self.position],
            "rotation": [float(x) for x in self.rotation],
            "focal_length": float(self.focal_length),
            "sensor_width": float(self.sensor_width),
            "aspect_ratio": float(self.aspect_ratio),
            "shift": [float(x) for x in self.shift],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "Camera":
        """Read what `to_json` gives.

        Raises:
            ValueError: a part is missing or absurd; the message says in words which.
        """
        try:
            shift_right = float(record["shift"][0])
            shift_up = float(record["shift"][1])
            camera = cls(
                id=str(record["id"]),
                position=np.array(record["position"], float).reshape(3),
                rotation=np.array(record["rotation"], float).reshape(4),
                focal_length=float(record["focal_length"]),
                sensor_width=float(record["sensor_width"]),
                aspect_ratio=float(record["aspect_ratio"]),
                shift=(shift_right, shift_up),
            )
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise ValueError("a camera lacks a part, or has one that is no number") from error
        absurdity = camera.absurdity()
        if absurdity:
            raise ValueError(f"a camera has {absurdity}")
        return camera

    def absurdity(self) -> str:
        """Name in words the first part that no camera has; empty where it is a camera."""
        range_mm = f"from {_SHORTEST_MM:g} to {_LONGEST_MM:g} mm"
        if not self._has_showable_id():
            return "a name that cannot be shown"
        if not np.all(np.abs(self.position) <= _FARTHEST):
            return f"a position that is not within {_FARTHEST:g} m"
        if not _is_unit(self.rotation):
            return "a rotation that is no unit quaternion"
        if not _SHORTEST_MM <= self.focal_length <= _LONGEST_MM:
            return f"a focal length that is not {range_mm}"
        if not _SHORTEST_MM <= self.sensor_width <= _LONGEST_MM:
            return f"a sensor width that is not {range_mm}"
        if not 1 / _LARGEST_RATIO <= self.aspect_ratio <= _LARGEST_RATIO:
            return "an aspect ratio that no picture has"
        if not all(abs(part) <= _LARGEST_RATIO for part in self.shift):
            return "a lens shift that no lens has"
        return ""

    def _has_showable_id(self) -> bool:
        return 0 < len(self.id) <= _LONGEST_ID and not _UNSHOWABLE.search(self.id)


def _is_unit(quaternion: np.ndarray) -> bool:
    # The parts are looked at first: the square of a huge one would overflow in the norm.
    if not np.all(np.abs(quaternion) <= 1 + _UNIT_TOLERANCE):
        return False
    return bool(abs(np.linalg.norm(quaternion) - 1) <= _UNIT_TOLERANCE)
