"""Straight line segments of a picture, on the image plane one focal length away."""

from dataclasses import dataclass

import cv2
import numpy as np

# LSD (von Gioi 2010) on a longer side of this many pixels: finer pictures change pitch by less than a degree (measured).
LINE_SIDE = 960
_SHORTEST = 0.02  # of the longer side; shorter segments point anywhere
_FEWEST_PIXELS = (
    12  # so do those of fewer pixels, in whatever picture: in noise they would agree by chance
)
MOST_LINES = 300  # the longest; the rest adds time and no precision


@dataclass(frozen=True, eq=False)
class Lines:
    """N segments, longest first. Coordinates are pixels from the principal point; divide by the focal length for rays."""

    middle: np.ndarray  # (N, 2) float32, x right, y down
    direction: np.ndarray  # (N, 2) float32, unit length, either sign
    length: np.ndarray  # (N,) float32, pixels

    def __len__(self) -> int:
        """The number of segments."""
        return len(self.length)

    def longest(self, count: int) -> "Lines":
        """The first `count` rows."""
        return Lines(self.middle[:count], self.direction[:count], self.length[:count])


def find_lines(grey: np.ndarray, most: int = MOST_LINES) -> Lines:
    """Segments of a picture whose principal point is its middle.

    Args:
        grey: (H, W) uint8.
        most: how many to keep.

    Returns:
        Segments in pixels of `grey`.
    """
    height, width = grey.shape
    found = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD).detect(grey)[0]
    ends = np.zeros((0, 4), np.float32) if found is None else found.reshape(-1, 4)
    step = ends[:, 2:] - ends[:, :2]
    length = np.linalg.norm(step, axis=1)
    inside = _inside(ends, width, height)
    order = np.argsort(-length, kind="stable")
    order = order[
        (length[order] > max(_SHORTEST * max(width, height), _FEWEST_PIXELS)) & inside[order]
    ][:most]
    middle = (ends[:, :2] + ends[:, 2:]) / 2 + 0.5 - [width / 2, height / 2]
    direction = step[order] / length[order, None]
    return Lines(
        middle[order].astype(np.float32),
        direction.astype(np.float32),
        length[order].astype(np.float32),
    )


def _inside(ends: np.ndarray, width: int, height: int) -> np.ndarray:
    """Which segments do not run along the picture's own border: frames of scans would set the horizon."""
    margin = 0.015 * max(width, height)
    x, y = ends[:, 0::2], ends[:, 1::2]
    along = [
        (x < margin).all(1),
        (x > width - margin).all(1),
        (y < margin).all(1),
        (y > height - margin).all(1),
    ]
    return ~np.any(along, axis=0)
