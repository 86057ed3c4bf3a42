"""The numbers that the overlay's shaders get of a viewport, from Blender's matrices. NumPy alone.

Blender's view matrix is (4, 4), camera from world, with a camera that looks along -Z. Its window
matrix is (4, 4), OpenGL's clip space from the camera's.
"""

import numpy as np

# In the order of the numbers by which the shader knows them.
MODES = ("COLOR", "REGIONS", "CONFIDENCE")

# Splats below the floor are drawn before it, nearer by this share of the floor's distance, so that
# the floor's grid does not cut through them.
FLOOR_PULL = 0.02

# Factor on the variance where a part of the splats is drawn. A random sample leaves uneven gaps:
# 3 % of pixels are open without the factor, 0.3 % with it.
THINNED_SPREAD = 1.6

_PARALLEL = 1e-12  # the floor's slope in clip space, below which the eye looks along it
_NO_FLOOR = (0.0, 0.0, 0.0, 0.0)


def is_perspective(window: np.ndarray) -> bool:
    """Return True where a window matrix divides by depth.

    Its last row is (0, 0, -1, 0) then, else (0, 0, 0, 1).
    """
    w_of_depth = window[3, 2]
    return bool(abs(w_of_depth) > 0.5)


def near_plane(window: np.ndarray) -> float | None:
    """Return the near clipping distance of a perspective matrix in metres.

    An orthographic one has none.
    """
    if not is_perspective(window):
        return None
    # The third row is 0, 0, -(far + near), -2 far near, over far - near.
    scale = window[2, 2]
    offset = window[2, 3]
    return float(offset / (scale - 1.0))


def footprint_scale(count: int, drawn: int, size: float) -> float:
    """Return the factor on every covariance so that `drawn` of `count` splats cover the surfaces.

    Splats lie on surfaces, so area per splat, thus variance, grows as the number falls.

    Args:
        count: splats of the scene.
        drawn: splats that are drawn.
        size: factor on standard deviations, the artist's.
    """
    variance = size * size
    if drawn >= count:
        return variance
    thinned = THINNED_SPREAD * count / max(drawn, 1)
    return variance * thinned


def view_block(
    view: np.ndarray,
    window: np.ndarray,
    size: tuple[int, int],
    mode: str,
    footprint: float,
    first: int = 0,
) -> np.ndarray:
    """Fill the shader's `ViewBlock` in std140.

    Its matrices stand by columns; every member is a multiple of 16 bytes.

    Args:
        view: (4, 4) Blender's view matrix.
        window: (4, 4) Blender's window matrix.
        size: width and height of the region, pixels.
        mode: one of `MODES`.
        footprint: factor on covariances.
        first: where in the drawing order this draw starts.

    Returns:
        (40,) float32; the last four are integers by their bits.
    """
    block = np.zeros(40, np.float32)
    # Raveling the transposed matrix gives its columns one after the other.
    view = np.asarray(view, np.float32)
    window = np.asarray(window, np.float32)
    block[0:16] = view.T.ravel()
    block[16:32] = window.T.ravel()
    block[32:34] = size
    block[34] = footprint
    block[35] = is_perspective(window)
    integers = block[36:40].view(np.int32)
    integers[0] = first
    integers[1] = MODES.index(mode)
    return block


def floor_depth(view: np.ndarray, window: np.ndarray) -> tuple[float, float, float, float]:
    """Return the window depth of the floor z = 0 over a viewport, a little towards the eye.

    A plane's depth in the window is affine over the picture, in perspective and without:
    `a x + b y + c` with x and y from -1 to 1.

    Args:
        view: (4, 4) Blender's view matrix.
        window: (4, 4) Blender's window matrix.

    Returns:
        a, b, c, and 1 where they hold. All are 0 where the eye is not above the floor or looks
        along it.
    """
    view = view.astype(np.float64)
    window = window.astype(np.float64)
    world_from_view = np.linalg.inv(view)
    world_from_clip = np.linalg.inv(window @ view)
    # The floor as a plane of clip space: plane_x x + plane_y y + plane_z z + plane_w w = 0.
    floor = [0.0, 0.0, 1.0, 0.0]  # world
    plane_x, plane_y, plane_z, plane_w = world_from_clip.T @ floor
    # In perspective the eye's height decides, else the direction that the rays come from.
    column = 3 if is_perspective(window) else 2
    is_below = world_from_view[2, column] <= 0
    if is_below or abs(plane_z) < _PARALLEL:
        return _NO_FLOOR
    # Depth in normalised device coordinates, -1 to 1, where w = 1.
    a = -plane_x / plane_z
    b = -plane_y / plane_z
    c = -plane_w / plane_z
    # From -1..1 to 0..1, then nearer: the far end of the depth range is 1.
    nearer = 1 + FLOOR_PULL
    window_a = a / 2 * nearer
    window_b = b / 2 * nearer
    depth = (c + 1) / 2
    before_far_end = 1 - depth
    window_c = 1 - before_far_end * nearer
    return window_a, window_b, window_c, 1.0
