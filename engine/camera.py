"""Cameras: `View`, a pinhole with a size in pixels, and `Camera`, the same in an artist's millimetres."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .errors import ArgumentError
from .geometry import invert_pose, matrix_to_quaternion, pose, quaternion_to_matrix, transform_points

FULL_FRAME_WIDTH_MM = 36.0
MAX_SIZE = 16384


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
        """Refuse what no renderer can draw."""
        if not (1 <= self.width <= MAX_SIZE and 1 <= self.height <= MAX_SIZE):
            raise ArgumentError(f"A picture of {self.width}x{self.height} cannot be made; use 1 to {MAX_SIZE} pixels a side.")
        if not (np.isfinite([self.fx, self.fy, self.cx, self.cy]).all() and self.fx > 0 and self.fy > 0):
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
        return replace(self, fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy, width=width, height=height)

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
        return replace(self, position=world_from_camera[:3, 3].copy(), rotation=matrix_to_quaternion(world_from_camera[:3, :3]))

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
            shift=((view.width / 2 - view.cx) / view.width, (view.cy - view.height / 2) / view.width),
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
        """Inverse of `to_json`; raises KeyError, TypeError or ValueError where the record is damaged."""
        return cls(
            id=str(record["id"]),
            position=np.array(record["position"], float).reshape(3),
            rotation=np.array(record["rotation"], float).reshape(4),
            focal_length=float(record["focal_length"]),
            sensor_width=float(record["sensor_width"]),
            aspect_ratio=float(record["aspect_ratio"]),
            shift=(float(record["shift"][0]), float(record["shift"][1])),
        )
