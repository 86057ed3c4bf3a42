"""Cameras: `View`, a pinhole with a size in pixels, and `Camera`, the same in an artist's millimetres."""

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
LONGEST_SIDE = (
    1_562_500  # pixels: a photo of 100 megapixels, the most, that is 64 pixels wide, the fewest
)
_FARTHEST = 1e9  # metres; beyond this not even double precision places a picture's pixels
_LENGTHS_MM = (1e-3, 1e6)  # of lenses and sensors; what lies outside is a damaged number
_UNIT = 0.01  # how far from 1 the length of a quaternion may be: other programs write few digits
_LONGEST_ID = 300  # characters; Blender keeps 255
_UNSHOWABLE = re.compile(
    r"[\x00-\x1f\x7f\ud800-\udfff]"
)  # control characters, and what UTF-8 cannot hold
_LARGEST_RATIO = 1e5  # of a picture's sides, and of its shift to its width


@dataclass(frozen=True, eq=False)
class View:
    """A pinhole picture: what a renderer needs to know. Pixel centres lie at +0.5, the origin at the top left edge."""

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
                f"A picture of {self.width}x{self.height} cannot be made; use 1 to {MAX_SIZE} pixels a side."
            )
        if not (
            np.isfinite([self.fx, self.fy, self.cx, self.cy]).all() and self.fx > 0 and self.fy > 0
        ):
            raise ArgumentError("The camera's focal length must be a positive number.")
        if not np.isfinite(self.world_from_camera).all():
            raise ArgumentError("The camera's position and rotation must be finite numbers.")

    @property
    def camera_from_world(self) -> np.ndarray:
        """(4, 4) rigid inverse of the pose."""
        return invert_pose(self.world_from_camera)

    @property
    def intrinsics(self) -> np.ndarray:
        """K, (3, 3), pixels."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1.0]])

    @property
    def position(self) -> np.ndarray:
        """The eye, (3,), metres in the world."""
        return self.world_from_camera[:3, 3]

    def resized(self, width: int, height: int) -> "View":
        """The same picture on another grid of pixels."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=self.cx * sx,
            cy=self.cy * sy,
            width=width,
            height=height,
        )

    def rays(self) -> np.ndarray:
        """Directions through the pixel centres, (height, width, 3) float32, camera frame, z = 1."""
        u = (np.arange(self.width, dtype=np.float32) + 0.5 - self.cx) / self.fx
        v = (np.arange(self.height, dtype=np.float32) + 0.5 - self.cy) / self.fy
        rays = np.ones((self.height, self.width, 3), np.float32)
        rays[..., 0] = u
        rays[..., 1] = v[:, None]
        return rays

    def unproject(self, depth: np.ndarray) -> np.ndarray:
        """World points (height, width, 3) of a planar depth map (height, width) in metres."""
        return transform_points(self.world_from_camera, self.rays() * np.asarray(depth)[..., None])

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points (..., 3) to pixels (..., 2) and planar depth (...); behind the camera the depth is negative."""
        camera = transform_points(self.camera_from_world, np.asarray(points, float))
        depth = camera[..., 2]
        with np.errstate(divide="ignore", invalid="ignore"):
            pixels = camera[..., :2] / depth[..., None] * [self.fx, self.fy] + [self.cx, self.cy]
        return pixels, depth

    def to_json(self):
        return {n: getattr(self, n) for n in ("fx", "fy", "cx", "cy", "width", "height")} | {
            "world_from_camera": [float(x) for x in self.world_from_camera.ravel()]
        }

    @classmethod
    def from_json(cls, record):
        try:
            fx, fy, cx, cy = (float(record[name]) for name in ("fx", "fy", "cx", "cy"))
            width, height = int(record["width"]), int(record["height"])
            matrix = np.array(record["world_from_camera"], float).reshape(4, 4)
        except (KeyError, TypeError, ValueError) as error:
            raise ArgumentError(f"The view is incomplete ({error}).") from error
        return cls(fx, fy, cx, cy, width, height, matrix)


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
        """(4, 4), OpenCV camera frame."""
        return pose(quaternion_to_matrix(self.rotation), self.position)

    @property
    def field_of_view(self) -> float:
        """Horizontal field of view, radians."""
        return 2 * float(np.arctan(self.sensor_width / 2 / self.focal_length))

    def view(self, width: int, height: int) -> View:
        """The view on a grid of pixels; the horizontal field of view is kept whatever the aspect."""
        focal = self.focal_length / self.sensor_width * width
        cx = width / 2 - self.shift[0] * width
        cy = height / 2 + self.shift[1] * width
        return View(focal, focal, cx, cy, width, height, self.world_from_camera)

    def moved(self, world_from_camera: np.ndarray) -> "Camera":
        """The same lens at another pose (4, 4)."""
        return replace(
            self,
            position=world_from_camera[:3, 3].copy(),
            rotation=matrix_to_quaternion(world_from_camera[:3, :3]),
        )

    @classmethod
    def from_view(cls, id: str, view: View, sensor_width: float = FULL_FRAME_WIDTH_MM) -> "Camera":
        """The camera of a view with square pixels."""
        return cls(
            id=id,
            position=view.position.copy(),
            rotation=matrix_to_quaternion(view.world_from_camera[:3, :3]),
            focal_length=view.fx / view.width * sensor_width,
            sensor_width=sensor_width,
            aspect_ratio=view.width / view.height,
            shift=(
                (view.width / 2 - view.cx) / view.width,
                (view.cy - view.height / 2) / view.width,
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, for scene.json and the wire."""
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
        """Inverse of `to_json`; ValueError says in words what is damaged."""
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
        """What of it no camera has, in words; empty where it is a camera."""
        low, high = _LENGTHS_MM
        checks = {
            "a name that cannot be shown": 0 < len(self.id) <= _LONGEST_ID
            and not _UNSHOWABLE.search(self.id),
            f"a position that is not within {_FARTHEST:g} m": bool(
                np.all(np.abs(self.position) <= _FARTHEST)
            ),
            "a rotation that is no unit quaternion": _is_unit(self.rotation),
            f"a focal length that is not from {low:g} to {high:g} mm": low
            <= self.focal_length
            <= high,
            f"a sensor width that is not from {low:g} to {high:g} mm": low
            <= self.sensor_width
            <= high,
            "an aspect ratio that no picture has": 1 / _LARGEST_RATIO
            <= self.aspect_ratio
            <= _LARGEST_RATIO,
            "a lens shift that no lens has": all(
                abs(part) <= _LARGEST_RATIO for part in self.shift
            ),
        }
        return next((words for words, fine in checks.items() if not fine), "")


def _is_unit(quaternion: np.ndarray) -> bool:
    return bool(
        np.all(np.abs(quaternion) <= 1 + _UNIT) and abs(np.linalg.norm(quaternion) - 1) <= _UNIT
    )
