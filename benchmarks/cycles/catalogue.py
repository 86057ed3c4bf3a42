"""Which scenes there are and from where each is seen. Standard library and NumPy alone: Blender's Python reads it too."""

from dataclasses import dataclass

import numpy as np

from engine.camera import View
from engine.geometry import LOOK_ALONG_Y, pose, rotation_about

# 36 x 24 mm, whose diagonal defines the 35 mm equivalent (CIPA DC-008).
_FULL_FRAME_DIAGONAL_MM = float(np.hypot(36, 24))


@dataclass(frozen=True)
class Scene:
    """One place, and the camera that photographs it."""

    name: str
    place: str  # a function of `blender.outdoors` or `blender.indoors`
    outdoors: bool
    seed: int  # of everything that is drawn by lot
    size: tuple[int, int]  # pixels
    equivalent_mm: int  # focal length for 35 mm film, as EXIF writes it: a whole number
    height: float  # metres of the camera above the ground
    pitch: float  # degrees, up
    roll: float  # degrees, clockwise
    yaw: float  # degrees from the place's own +y, counter-clockwise
    sun: tuple[
        float, float
    ]  # degrees: height above the horizon, and azimuth from the place's +y, clockwise

    @property
    def view(self) -> View:
        """The photo's camera in the place's frame, above the origin."""
        focal = self.equivalent_mm / _FULL_FRAME_DIAGONAL_MM * float(np.hypot(*self.size))
        pitch, roll, yaw = np.radians([self.pitch, self.roll, self.yaw])
        turn = rotation_about(np.array([0, 0, 1.0]), yaw) @ rotation_about(
            np.array([1.0, 0, 0]), pitch
        )
        rotation = turn @ LOOK_ALONG_Y @ rotation_about(np.array([0, 0, 1.0]), roll)
        width, height = self.size
        stand = pose(rotation, np.array([0, 0, self.height]))
        return View(focal, focal, width / 2, height / 2, width, height, stand)


@dataclass(frozen=True)
class Move:
    """A step of the camera without a turn, in parts of the scene's median depth."""

    name: str
    right: float = 0.0
    forward: float = 0.0

    def pose(self, view: View, depth: float) -> np.ndarray:
        """`world_from_camera` (4, 4) after the step, of a scene of this median depth in metres."""
        moved = view.world_from_camera.copy()
        moved[:3, 3] += moved[:3, :3] @ (np.array([self.right, 0, self.forward]) * depth)
        return moved


PHOTO = Move("photo")
MOVES = (
    PHOTO,
    *(
        Move(f"{side}{percent}", sign * percent / 100)
        for percent in (5, 10, 20)
        for side, sign in (("left", -1), ("right", 1))
    ),
    Move("in10", forward=0.10),
    Move("out10", forward=-0.10),
)

VIEW_PART = (
    0.75  # of the photo's width and height: what the photo is held against may be a little coarser
)

SCENES = (
    Scene("street_a", "street", True, 11, (640, 480), 28, 1.60, 3.0, 0.6, -7.0, (46, 62)),
    Scene("street_b", "street", True, 12, (648, 432), 24, 1.35, 9.0, -1.2, 16.0, (34, -120)),
    Scene("corner", "corner", True, 13, (640, 480), 26, 1.70, 10.7, 1.3, 3.0, (40, -148)),
    Scene("plaza", "plaza", True, 14, (648, 432), 30, 1.55, -4.0, -0.4, 5.0, (52, 100)),
    Scene("facade", "facade", True, 15, (640, 480), 31, 1.50, 6.0, -0.9, 4.0, (44, -140)),
    Scene("corridor", "corridor", False, 21, (480, 640), 27, 1.45, -5.0, 0.7, 2.0, (30, 20)),
    Scene("room_a", "room", False, 22, (640, 480), 24, 1.30, -10.0, -0.5, 6.0, (35, 35)),
    Scene("room_b", "room", False, 23, (648, 432), 26, 1.05, -3.0, 1.1, -9.0, (38, -30)),
    Scene("objects_a", "objects", False, 24, (640, 480), 38, 1.25, -15.0, 0.8, 3.0, (40, -25)),
    Scene("objects_b", "objects", False, 25, (480, 640), 35, 1.15, -13.0, -1.2, -5.0, (40, 30)),
)


def scene(name: str) -> Scene:
    """A scene by its name."""
    return next(scene for scene in SCENES if scene.name == name)
