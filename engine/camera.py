"""Cameras: `View`, a pinhole with a size in pixels, and `Camera`, in an artist's millimetres."""

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

FULL_FRAME_WIDTH_MM = 36.0
MAX_SIZE = 16384  # pixels a side of what is rendered
# Pixels: a photo of 100 megapixels, the most, that is 64 pixels wide, the fewest.
LONGEST_SIDE = 1_562_500
_FARTHEST = 1e9  # metres; beyond this not even double precision places a picture's pixels
_LENGTHS_MM = (1e-3, 1e6)  # of lenses and sensors; a number outside is a damaged one
_UNIT = 0.01  # how far from 1 the length of a quaternion may be: other programs write few digits
_LONGEST_ID = 300  # characters; Blender keeps 255
# Control characters, and what UTF-8 cannot hold.
_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_LARGEST_RATIO = 1e5  # of a picture's sides, and of its shift to its width


@dataclass(frozen=True, eq=False)
class View:
    """A pinhole picture, as a renderer needs it.

    Pixel centres lie at +0.5, the origin at the top left edge.
    """

    fx: float  # pixels
    fy: float  # pixels
    cx: float  # pixels from the left edge
    cy: float  # pixels from the top edge
    width: int
    height: int
    world_from_camera: np.ndarray  # (4, 4) float64, OpenCV camera frame: x right, y down, z forward

    def __post_init__(self) -> None:
        """Refuse what is no picture. A photo may be a longer strip than can be rendered."""
        if not (1 <= self.width <= LONGEST_SIDE and 1 <= self.height <= LONGEST_SIDE):
            raise ArgumentError(
                f"A picture of {self.width}x{self.height} cannot be made; "
                f"use 1 to {MAX_SIZE} pixels a side."
            )
        lens = [self.fx, self.fy, self.cx, self.cy]
        if not np.isfinite(lens).all() or self.fx <= 0 or self.fy <= 0:
            raise ArgumentError("The camera's focal length must be a positive number.")
        if not np.isfinite(self.world_from_camera).all():
            raise ArgumentError("The camera's position and rotation must be finite numbers.")

    @property
    def camera_from_world(self) -> np.ndarray:
        """The rigid inverse of the pose, (4, 4)."""
        return invert_pose(self.world_from_camera)

    @property
    def intrinsics(self) -> np.ndarray:
        """The camera matrix K, (3, 3), in pixels."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    @property
    def position(self) -> np.ndarray:
        """The eye (3,), metres in the world."""
        return self.world_from_camera[:3, 3]

    def resized(self, width: int, height: int) -> "View":
        """Return the same picture on another grid of pixels."""
        across = width / self.width
        down = height / self.height
        return replace(
            self,
            fx=self.fx * across,
            fy=self.fy * down,
            cx=self.cx * across,
            cy=self.cy * down,
            width=width,
            height=height,
        )

    def rays(self) -> np.ndarray:
        """Return directions through the pixel centres.

        Returns:
            (height, width, 3) float32, camera frame, z = 1.
        """
        columns = np.arange(self.width, dtype=np.float32)
        rows = np.arange(self.height, dtype=np.float32)
        slope_x = (columns + 0.5 - self.cx) / self.fx  # [W]
        slope_y = (rows + 0.5 - self.cy) / self.fy  # [H]
        rays = np.ones((self.height, self.width, 3), np.float32)
        rays[..., 0] = slope_x
        rays[..., 1] = slope_y[:, None]
        return rays

    def unproject(self, depth: np.ndarray) -> np.ndarray:
        """Return the world points (height, width, 3) of a planar depth map (height, width).

        Both are in metres.
        """
        points = self.rays() * np.asarray(depth)[..., None]  # [H, W, 3], camera frame
        return transform_points(self.world_from_camera, points)

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Project world points (..., 3).

        Returns:
            Pixels (..., 2), and planar depth (...) in metres, negative behind the camera.
        """
        in_camera = transform_points(self.camera_from_world, np.asarray(points, float))
        depth = in_camera[..., 2]
        focal = [self.fx, self.fy]
        principal_point = [self.cx, self.cy]
        # A point at the eye itself has no pixel; it becomes an infinity or no number.
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes = in_camera[..., :2] / depth[..., None]
            pixels = slopes * focal + principal_point
        return pixels, depth

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers, for the wire; the pose row by row."""
        return {
            "fx": float(self.fx),
            "fy": float(self.fy),
            "cx": float(self.cx),
            "cy": float(self.cy),
            "width": self.width,
            "height": self.height,
            "world_from_camera": [float(x) for x in self.world_from_camera.ravel()],
        }

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> "View":
        """Read what `to_json` gave.

        Raises:
            ArgumentError: it is incomplete or makes no sense.
        """
        try:
            lens = {name: float(record[name]) for name in ("fx", "fy", "cx", "cy")}
            width = int(record["width"])
            height = int(record["height"])
            matrix = np.array(record["world_from_camera"], float).reshape(4, 4)
        except (KeyError, TypeError, ValueError) as error:
            raise ArgumentError(f"The view is incomplete ({error}).") from error
        return cls(**lens, width=width, height=height, world_from_camera=matrix)


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
        """The pose (4, 4), OpenCV camera frame."""
        return pose(quaternion_to_matrix(self.rotation), self.position)

    @property
    def field_of_view(self) -> float:
        """The horizontal field of view, radians."""
        return 2 * float(np.arctan(self.sensor_width / 2 / self.focal_length))

    def view(self, width: int, height: int) -> View:
        """Return the view on a grid of pixels.

        The horizontal field of view is kept whatever the aspect.
        """
        focal = self.focal_length / self.sensor_width * width
        cx = width / 2 - self.shift[0] * width
        cy = height / 2 + self.shift[1] * width
        return View(focal, focal, cx, cy, width, height, self.world_from_camera)

    def moved(self, world_from_camera: np.ndarray) -> "Camera":
        """Return the same lens at another pose (4, 4)."""
        return replace(
            self,
            position=world_from_camera[:3, 3].copy(),
            rotation=matrix_to_quaternion(world_from_camera[:3, :3]),
        )

    @classmethod
    def from_view(
        cls, name: str, view: View, sensor_width: float = FULL_FRAME_WIDTH_MM
    ) -> "Camera":
        """Make the camera of a view with square pixels.

        Args:
            name: the camera's id.
            view: the pinhole picture.
            sensor_width: millimetres.
        """
        shift_right = (view.width / 2 - view.cx) / view.width
        shift_up = (view.cy - view.height / 2) / view.width
        return cls(
            id=name,
            position=view.position.copy(),
            rotation=matrix_to_quaternion(view.world_from_camera[:3, :3]),
            focal_length=view.fx / view.width * sensor_width,
            sensor_width=sensor_width,
            aspect_ratio=view.width / view.height,
            shift=(shift_right, shift_up),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain numbers, for scene.json and the wire."""
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
        """Read what `to_json` gave.

        Raises:
            ValueError: in words, what is damaged.
        """
        try:
            camera = cls(
                id=str(record["id"]),
                position=np.array(record["position"], float).reshape(3),
                rotation=np.array(record["rotation"], float).reshape(4),
                focal_length=float(record["focal_length"]),
                sensor_width=float(record["sensor_width"]),
                aspect_ratio=float(record["aspect_ratio"]),
                shift=(float(record["shift"][0]), float(record["shift"][1])),
            )
        except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
            raise ValueError("a camera lacks a part, or has one that is no number") from error
        wrong = camera.absurdity()
        if wrong:
            raise ValueError(f"a camera has {wrong}")
        return camera

    def absurdity(self) -> str:
        """Name what no camera has, in words; empty where it is a camera."""
        low, high = _LENGTHS_MM
        is_named = 0 < len(self.id) <= _LONGEST_ID and not _UNSHOWABLE.search(self.id)
        is_placed = bool(np.all(np.abs(self.position) <= _FARTHEST))
        has_lens = low <= self.focal_length <= high
        has_sensor = low <= self.sensor_width <= high
        has_aspect = 1 / _LARGEST_RATIO <= self.aspect_ratio <= _LARGEST_RATIO
        has_shift = all(abs(part) <= _LARGEST_RATIO for part in self.shift)
        checks = {
            "a name that cannot be shown": is_named,
            f"a position that is not within {_FARTHEST:g} m": is_placed,
            "a rotation that is no unit quaternion": _is_unit(self.rotation),
            f"a focal length that is not from {low:g} to {high:g} mm": has_lens,
            f"a sensor width that is not from {low:g} to {high:g} mm": has_sensor,
            "an aspect ratio that no picture has": has_aspect,
            "a lens shift that no lens has": has_shift,
        }
        return next((words for words, is_fine in checks.items() if not is_fine), "")


def _is_unit(quaternion: np.ndarray) -> bool:
    # Huge components would overflow in the norm.
    if not np.all(np.abs(quaternion) <= 1 + _UNIT):
        return False
    return bool(abs(np.linalg.norm(quaternion) - 1) <= _UNIT)
