"""Facts that follow from a scene for those who look at it."""

import numpy as np

from .record import Scene

_WITHOUT_DEPTH = 1.0  # metres, where nothing lies before the camera


def pivot_distance(scene: Scene) -> float:
    """Measure the metres from the photo's camera to what stands in the middle of the picture.

    It is the median depth of the picture's central ninth without the sky; where that is nothing but
    sky, of the whole picture without it.
    """
    if scene.maps is None:
        _, depth = scene.photo_view.project(scene.splats.positions)
        ahead = depth[depth > 0]
        return float(np.median(ahead)) if ahead.size else _WITHOUT_DEPTH
    depth = scene.maps.depth
    finite = np.isfinite(depth)
    solid = finite if scene.sky is None else finite & ~scene.sky
    middle = _central_ninth(*depth.shape)
    # The first of these that holds anything.
    for chosen in (solid & middle, solid, finite):
        if chosen.any():
            return float(np.median(depth[chosen]))
    return _WITHOUT_DEPTH


def _central_ninth(height: int, width: int) -> np.ndarray:
    """A mask (H, W) of the middle third in both directions."""
    row = height // 3
    column = width // 3
    mask = np.zeros((height, width), bool)
    mask[row : height - row, column : width - column] = True
    return mask
