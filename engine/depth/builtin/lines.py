"""Straight line segments of a picture, in pixels from its principal point."""

from dataclasses import dataclass

import cv2
import numpy as np

# LSD (von Gioi 2010) works on a longer side of this many pixels: finer pictures change the pitch
# by less than a degree (measured).
LINE_SIDE = 960
MOST_LINES = 300  # the longest ones; the rest adds time and no precision
_SHORTEST = 0.02  # of the longer side; shorter segments point anywhere
# Pixels, in a picture of any size: in noise, shorter segments would agree by chance.
_FEWEST_PIXELS = 12
_BORDER = 0.015  # of the longer side; a segment within this margin may be the frame of a scan
_PIXEL_CENTRE = 0.5  # LSD has the centre of the first pixel at 0, we have it at 0.5


@dataclass(frozen=True, eq=False)
class Lines:
    """N segments, longest first.

    Coordinates are pixels from the principal point; divided by the focal length they are rays.
    """

    middle: np.ndarray  # (N, 2) float32, x right, y down
    direction: np.ndarray  # (N, 2) float32, unit length, either sign
    length: np.ndarray  # (N,) float32, pixels

    def __len__(self) -> int:
        """The number of segments."""
        return len(self.length)

    def longest(self, count: int) -> "Lines":
        """Return the first `count` segments."""
        return Lines(
            middle=self.middle[:count],
            direction=self.direction[:count],
            length=self.length[:count],
        )


def find_lines(grey: np.ndarray, most: int = MOST_LINES) -> Lines:
    """Find the segments of a picture whose principal point is its middle.

    Args:
        grey: (H, W) uint8.
        most: number of segments to keep at most, the longest ones.

    Returns:
        Segments in pixels of `grey`.
    """
    height, width = grey.shape
    detector = cv2.createLineSegmentDetector(cv2.LSD_REFINE_STD)
    segments = detector.detect(grey)[0]
    if segments is None:
        segments = np.zeros((0, 4), np.float32)
    ends = segments.reshape(-1, 4)  # [S, 4], x y of one end and x y of the other
    start = ends[:, :2]
    end = ends[:, 2:]
    step = end - start
    length = np.linalg.norm(step, axis=1)

    # Neither noise nor the frame of a scan may set the horizon.
    longer_side = max(width, height)
    shortest = max(_SHORTEST * longer_side, _FEWEST_PIXELS)
    is_long = length > shortest
    keep = is_long & ~_along_border(ends, width, height)
    longest_first = np.argsort(-length, kind="stable")
    kept = longest_first[keep[longest_first]]
    order = kept[:most]

    principal_point = [width / 2, height / 2]
    middle = (start + end) / 2 + _PIXEL_CENTRE - principal_point
    direction = step[order] / length[order, None]
    return Lines(
        middle=middle[order].astype(np.float32),
        direction=direction.astype(np.float32),
        length=length[order].astype(np.float32),
    )


def _along_border(ends: np.ndarray, width: int, height: int) -> np.ndarray:
    """Mark the segments (S,) of ends (S, 4) that run along a border of the picture."""
    margin = _BORDER * max(width, height)
    x = ends[:, 0::2]  # [S, 2]
    y = ends[:, 1::2]
    left = x < margin
    right = x > width - margin
    top = y < margin
    bottom = y > height - margin
    borders = [left, right, top, bottom]
    # A segment runs along a border if both of its ends lie there.
    along = np.all(borders, axis=2)  # [4, S]
    return np.any(along, axis=0)
