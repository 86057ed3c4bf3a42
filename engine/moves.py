"""Camera moves as a film crew names them, in metres and degrees, along the camera's own axes."""

from dataclasses import dataclass, replace

import numpy as np

from .camera import Camera
from .errors import ArgumentError
from .geometry import pose, rotation_about

_UP = np.array([0.0, 0.0, 1.0])
_UNITS = {
    "dolly": "m",
    "truck": "m",
    "pedestal": "m",
    "orbit": "°",
    "pan": "°",
    "tilt": "°",
    "lens": "mm",
}
_FARTHEST = 1e6  # metres or degrees of one move; more is a slip of the key
_LENSES_MM = (0.1, 1e5)


@dataclass(frozen=True)
class Move:
    """A camera's end relative to its start; frames between are interpolated linearly."""

    dolly: float = 0.0  # metres forward, along the viewing direction
    truck: float = 0.0  # metres to the right
    pedestal: float = 0.0  # metres up, along the world's vertical
    # Degrees around the vertical through the pivot; the camera goes to the right where positive.
    orbit: float = 0.0
    pan: float = 0.0  # degrees, to the left where positive, as a Z rotation in Blender
    tilt: float = 0.0  # degrees, up where positive
    lens: float | None = None  # millimetres at the end; None keeps the lens

    def camera_at(self, start: Camera, part: float, pivot_distance: float) -> Camera:
        """Return the camera after a part of the move.

        Args:
            start: the camera before the move.
            part: 0..1 of the move.
            pivot_distance: metres ahead of the start, to the point that `orbit` turns around.
        """
        matrix = start.world_from_camera
        right = matrix[:3, 0]
        forward = matrix[:3, 2]
        eye = matrix[:3, 3]
        # Orbit first: the eye goes around the pivot.
        turn = rotation_about(_UP, np.radians(self.orbit * part))
        pivot = eye + forward * pivot_distance
        position = pivot + turn @ (eye - pivot)
        # Then dolly and truck along the turned camera's axes, pedestal along the vertical.
        along_axes = turn @ (forward * self.dolly + right * self.truck) * part
        position = position + along_axes + _UP * self.pedestal * part
        # Pan and tilt turn the camera about its own eye.
        pan = rotation_about(_UP, np.radians(self.pan * part))
        tilt = rotation_about(right, np.radians(self.tilt * part))
        rotation = pan @ turn @ tilt @ matrix[:3, :3]
        moved = start.moved(pose(rotation, position))
        if self.lens is None:
            return moved
        focal_length = start.focal_length + (self.lens - start.focal_length) * part
        return replace(moved, focal_length=focal_length)


def parse_move(text: str) -> Move:
    """Read `dolly:1.5,truck:-0.3,lens:50`.

    Raises:
        ArgumentError: an unknown move, or no number behind it.
    """
    values: dict[str, float] = {}
    for part in filter(None, (word.strip() for word in text.split(","))):
        name, _, value = part.partition(":")
        if name not in _UNITS:
            raise ArgumentError(
                f"“{name}” is not a move; use {', '.join(_UNITS)}, as in dolly:1.5,truck:0.3."
            )
        try:
            values[name] = float(value)
        except ValueError:
            raise ArgumentError(
                f"“{part}” needs a number in {_UNITS[name]}, as in {name}:1.5."
            ) from None
        low, high = _LENSES_MM if name == "lens" else (-_FARTHEST, _FARTHEST)
        if not low <= values[name] <= high:
            raise ArgumentError(
                f"“{part}” needs a number from {low:g} to {high:g} in {_UNITS[name]}."
            )
    return Move(**values)
