"""Facts that follow from a scene for those who look at it."""

import numpy as np

from .record import Scene


def pivot_distance(scene: Scene) -> float:
    """Measure the metres from the photo's camera to what stands in the middle of the picture.

    It is the median depth of the picture's central ninth without the sky; where that is nothing but
    sky, of the whole picture without it.
    """
    if scene.maps is None:
        _, depth = scene.photo_view.project(scene.splats.positions)
        ahead = depth[depth > 0]
        return float(np.median(ahead)) if ahead.size else 1.0
    depth = scene.maps.depth
    height, width = depth.shape
    finite = np.isfinite(depth)
    solid = finite if scene.sky is None else finite & ~scene.sky
    middle = np.zeros(depth.shape, bool)
    middle[height // 3 : height - height // 3, width // 3 : width - width // 3] = True
    for chosen in (solid & middle, solid, finite):
        if chosen.any():
            return float(np.median(depth[chosen]))
    return 1.0
