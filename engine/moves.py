"""Camera moves as a film crew names them: metres, degrees, and millimetres of focal length.

Dolly, truck and tilt follow the camera's own axes; pedestal, orbit and pan the world's vertical.
"""

from dataclasses import dataclass, replace

import numpy as np

from .camera import Camera
from .errors import ArgumentError
from .geometry import pose, rotation_about

_UP = np.array([0.0, 0.0, 1.0])
# The moves, and the unit of each.
_UNITS = {
    "dolly": "m",
    "truck": "m",
    "pedestal": "m",
    "orbit": "°",
    "pan": "°",
    "tilt": "°",
    "lens": "mm",
}
# Metres or degrees of one move; more is a slip of the key.
_FARTHEST = 1e6
# Millimetres, of a lens at the end of a move.
_SHORTEST_MM = 0.1
_LONGEST_MM = 1e5


@dataclass(frozen=True)
class Move:
    """The whole of a move: offsets from the start camera, but for `lens`, which is absolute."""

    dolly: float = 0.0  # metres forward, along the viewing direction
    truck: float = 0.0  # metres to the right
    pedestal: float = 0.0  # metres up, along the world's vertical
    # Degrees around the vertical through the pivot; where positive the camera goes to the right.
    orbit: float = 0.0
    pan: float = 0.0  # degrees, to the left where positive, as a Z rotation in Blender
    tilt: float = 0.0  # degrees, up where positive
    lens: float | None = None  # millimetres at the end; None keeps the lens

    def camera_at(self, start: Camera, part: float, pivot_distance: float) -> Camera:
        """Return the camera after a part of the move.

        Args:
            start: the camera before the move.
            part: 0 to 1.
            pivot_distance: metres ahead of the camera; `orbit` turns around the point there.
        """
        matrix = start.world_from_camera
        right = matrix[:3, 0]
        forward = matrix[:3, 2]
        eye = matrix[:3, 3]

        # Orbit first; dolly and truck then follow the axes that the orbit has turned.
        orbit = rotation_about(_UP, np.radians(self.orbit * part))
        pivot = eye + forward * pivot_distance
        position = pivot + orbit @ (eye - pivot)
        along_axes = forward * self.dolly + right * self.truck
        position = position + orbit @ along_axes * part + _UP * self.pedestal * part

        # Tilt turns about the camera's own right, pan and orbit about the vertical.
        tilt = rotation_about(right, np.radians(self.tilt * part))
        pan = rotation_about(_UP, np.radians(self.pan * part))
        rotation = pan @ orbit @ tilt @ matrix[:3, :3]
        moved = start.moved(pose(rotation, position))
        if self.lens is None:
            return moved
        longer_by = self.lens - start.focal_length
        return replace(moved, focal_length=start.focal_length + longer_by * part)


def parse_move(text: str) -> Move:
    """Read `dolly:1.5,truck:-0.3,lens:50`.

    Raises:
        ArgumentError: an unknown move, no number behind it, or a number out of range.
    """
    values: dict[str, float] = {}
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word:
            name, value = _parse_word(word)
            values[name] = value
    return Move(**values)


def _parse_word(word: str) -> tuple[str, float]:
    """Read `dolly:1.5`."""
    name, _, number = word.partition(":")
    if name not in _UNITS:
        raise ArgumentError(
            f"“{name}” is not a move; use {', '.join(_UNITS)}, as in dolly:1.5,truck:0.3."
        )
    unit = _UNITS[name]
    try:
        value = float(number)
    except ValueError:
        raise ArgumentError(f"“{word}” needs a number in {unit}, as in {name}:1.5.") from None

    low = _SHORTEST_MM if name == "lens" else -_FARTHEST
    high = _LONGEST_MM if name == "lens" else _FARTHEST
    if not low <= value <= high:
        raise ArgumentError(f"“{word}” needs a number from {low:g} to {high:g} in {unit}.")
    return name, value
