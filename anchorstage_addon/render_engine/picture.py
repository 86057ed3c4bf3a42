"""The rendered pixels: the frame's size, the render border, and the pinhole that fits them."""

from typing import Any, NamedTuple

import bpy
import numpy as np


class Picture(NamedTuple):
    """A rectangle of a frame, in pixels.

    x and y count from the lower left corner, as Blender's border does.
    """

    frame_width: int
    frame_height: int
    x: int
    y: int
    width: int
    height: int
    cropped: bool  # the file holds the rectangle alone; otherwise Blender pads it to the frame

    @classmethod
    def of(cls, render: bpy.types.RenderSettings) -> "Picture":
        """The rectangle that the render settings ask for, rounded as Blender rounds."""
        frame_width = max(1, render.resolution_x * render.resolution_percentage // 100)
        frame_height = max(1, render.resolution_y * render.resolution_percentage // 100)
        if not render.use_border:
            return cls(frame_width, frame_height, 0, 0, frame_width, frame_height, False)
        left, right = _pixels(render.border_min_x, render.border_max_x, frame_width)
        bottom, top = _pixels(render.border_min_y, render.border_max_y, frame_height)
        return cls(
            frame_width,
            frame_height,
            left,
            bottom,
            right - left,
            top - bottom,
            render.use_crop_to_border,
        )

    def part_of(self, view: dict[str, Any]) -> dict[str, Any]:
        """The view of this rectangle, from the view of the whole frame."""
        from_top = self.frame_height - self.y - self.height
        moved = {"cx": view["cx"] - self.x, "cy": view["cy"] - from_top}
        return {**view, **moved, "width": self.width, "height": self.height}

    def file_view(self, view: dict[str, Any]) -> dict[str, Any]:
        """The view of the file that Blender writes, from the view of the whole frame."""
        return self.part_of(view) if self.cropped else view

    def file_camera(self, camera: dict[str, Any]) -> dict[str, Any]:
        """The camera record of that file: of a cropped frame only a part of the sensor is left."""
        if not self.cropped:
            return camera
        return {**camera, "sensor_width": camera["sensor_width"] * self.width / self.frame_width}


def _pixels(low: float, high: float, size: int) -> tuple[int, int]:
    """The border's ends in pixels. Blender multiplies in single precision and cuts off."""
    return int(np.float32(low) * np.float32(size)), int(np.float32(high) * np.float32(size))
