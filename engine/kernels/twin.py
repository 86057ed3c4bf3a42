"""The NumPy twin of rasterise.c: its formulas in float64, one splat after the other, plain to read.

Kerbl et al. 2023 with gsplat 1.5.3's constants. Slow: for tests, and for whoever wants to know what
a kernel computes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..camera import View
from ..geometry import quaternion_to_matrix, transform_points
from ..tables.attributes import PREPARED
from ..tables.passes import BY_NAME, DRAWN
from .constants import (
    FAR_PLANE,
    FRUSTUM_MARGIN,
    LARGEST_ROTATION,
    LEAST_ROTATION,
    LOW_PASS,
    MAX_ALPHA,
    MIN_LIGHT,
    NEAREST,
    NOTHING_ALPHA,
)
from .harmonics_twin import seen_colors as seen_colors
from .harmonics_twin import sh_basis as sh_basis
from .normalise import finish

Point = tuple[float, float, float]

# What must be finite numbers for a splat to be drawn.
_PREPARED = tuple(attribute.name for attribute in PREPARED)
_IDS = ("region", "origin")
# Of the passes that are blended, in the order of their channels in `values`.
_VALUES = ("color", "depth", "normal", "confidence")


def rasterise(
    splats: Mapping[str, Any],
    view: View,
    near: float,
    photo_position: Point | None,
    antialiased: bool = False,
    photo_focal: float | None = None,
) -> dict[str, np.ndarray]:
    """Draw all passes of a view.

    Args:
        splats: the arrays of a `Splats` record by name; `sh` may be missing or None.
        view: the camera.
        near: metres; splats nearer than this are not drawn.
        photo_position: the photo's eye, world, or None.
        antialiased: make a splat fainter by as much as the low-pass filter makes it wider
            (Mip-Splatting; gsplat 1.5.3).
        photo_focal: pixels, of the grid the splats were lifted from, or None: the filter that they
            were seen through there is their own, and only what goes beyond it makes them fainter.

    Returns:
        The passes of `ProxyRender` by name.
    """
    rows = drawable(splats)
    kept = {}
    for name in (*_PREPARED, *_IDS):
        kept[name] = splats[name][rows]
    positions = kept["positions"]
    sh = splats.get("sh")
    if sh is not None:
        kept["colors"] = seen_colors(
            positions,
            kept["colors"],
            sh[rows],
            view.position,
        )
    # The photo's own filter is wider in metres, the farther a splat is from the photo's eye.
    own_filter = np.zeros(len(positions))  # [N], square metres
    if photo_focal and photo_position is not None:
        from_photo = positions - np.asarray(photo_position)
        square_distance = np.sum(np.square(from_photo), axis=1)
        own_filter = LOW_PASS / photo_focal**2 * square_distance
    sums = accumulate(kept, view, near, antialiased, own_filter)
    return _passes(sums, kept, view, photo_position)


def accumulate(
    splats: Mapping[str, np.ndarray],
    view: View,
    near: float,
    antialiased: bool = False,
    own_filter: np.ndarray | float = 0.0,
) -> dict[str, np.ndarray]:
    """Blend splats that can be drawn, the nearest first.

    Args:
        splats: arrays by name.
        view: the camera.
        near: metres.
        antialiased: as in `rasterise`.
        own_filter: (N,) square metres, the part of the low-pass filter that is the splats' own.

    Returns:
        `light` (H, W) that passes through all; `weight`, `second` (H, W), the two largest weights;
        `heaviest` (H, W), the row of the largest, -1 for none; `values` (H, W, 8), weighted sums of
        colour, depth, normal and confidence; `done` (H, W), the pixels that were finished.
    """
    # Splats at the eye divide by 0 here; they are not kept.
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        projected = _project(splats, view, max(near, NEAREST), antialiased, own_filter)
    columns = {
        "color": splats["colors"],
        "depth": projected["depth"][:, None],
        "normal": projected["normal"],
        "confidence": splats["confidence"][:, None],
    }
    values = np.concatenate([columns[name] for name in _VALUES], axis=1)  # [N, 8]
    shape = (view.height, view.width)
    sums = {
        "weight": np.zeros(shape),
        "second": np.zeros(shape),
        "light": np.ones(shape),
        "heaviest": np.full(shape, -1),
        "values": np.zeros((*shape, values.shape[1])),
        "done": np.zeros(shape, bool),
    }
    # The kernels order by float32 depth and then by row.
    order = np.argsort(projected["depth"].astype(np.float32), kind="stable")
    for row in order[projected["keep"][order]]:
        splat = {name: array[row] for name, array in projected.items()}
        _blend(row, splat, values[row], sums)
    return sums


def drawable(splats: Mapping[str, Any]) -> np.ndarray:
    """Mark the splats that can be drawn at all, (N,) bool; `prepare_one` of rasterise.c.

    They have finite numbers, a rotation, a size, and an opacity that shows.
    """
    is_finite = np.ones(len(splats["positions"]), bool)
    for name in _PREPARED:
        numbers = splats[name]
        row_axes = tuple(range(1, numbers.ndim))
        is_finite &= np.isfinite(numbers).all(axis=row_axes)

    squares = np.square(splats["rotations"], dtype=float)
    square_length = np.sum(squares, axis=1)
    has_rotation = square_length > LEAST_ROTATION
    has_rotation &= square_length < LARGEST_ROTATION

    scales = splats["scales"]
    has_size = (scales >= 0).all(axis=1)
    has_size &= (scales > 0).any(axis=1)

    shows = splats["opacities"] >= np.float32(NOTHING_ALPHA)
    return is_finite & has_size & has_rotation & shows


def _project(
    splats: Mapping[str, np.ndarray],
    view: View,
    near: float,
    antialiased: bool,
    own_filter: np.ndarray | float,
) -> dict[str, np.ndarray]:
    """Project splats onto the picture.

    Returns:
        One row a splat: `centre` (N, 2) pixels, `conic` (N, 3), `opacity` (N,), `depth` (N,)
        metres, `normal` (N, 3) world, and `keep` (N,) bool: it is drawn.
    """
    camera_from_world = view.camera_from_world
    focal_length, principal_point, _ = _intrinsics(view)
    quaternions = splats["rotations"].astype(float)
    positions = splats["positions"].astype(float)
    rotations = quaternion_to_matrix(quaternions)  # [N, 3, 3]
    x, y, depth = transform_points(camera_from_world, positions).T
    slope_x = x / depth
    slope_y = y / depth
    slopes = np.stack([slope_x, slope_y], axis=1)

    # Its axes on the picture: the projection's Jacobian at the centre times its own axes.
    jacobian = _jacobian(slopes, depth, view)
    scales = splats["scales"]
    axes = rotations * scales[:, None, :]  # [N, 3, 3], metres, world
    turn = camera_from_world[:3, :3]
    axes_2d = jacobian @ turn @ axes  # [N, 2, 3], pixels
    sharp = axes_2d @ axes_2d.transpose(0, 2, 1)  # [N, 2, 2], square pixels

    covariance_2d = sharp + LOW_PASS * np.eye(2)
    a = covariance_2d[:, 0, 0]
    b = covariance_2d[:, 0, 1]
    c = covariance_2d[:, 1, 1]
    determinant = a * c - b * b
    # The filter makes a splat wider; so much fainter it becomes where that is asked for.
    before = determinant
    if antialiased:
        own_covariance = _own_covariance(sharp, own_filter, depth, focal_length)
        before = np.linalg.det(own_covariance)
    share = np.clip(before / determinant, 0, 1)
    kept_light = np.sqrt(share)
    opacities = np.minimum(splats["opacities"], 1)

    # What float32 cannot hold is too large to be drawn.
    largest = np.finfo(np.float32).max
    is_sound = determinant > 0
    is_sound &= c * determinant <= largest
    is_between_planes = (depth >= near) & (depth <= FAR_PLANE)
    adjugate = np.stack([c, -b, a], axis=1)
    return {
        "centre": slopes * focal_length + principal_point,
        "conic": adjugate / determinant[:, None],
        "opacity": opacities * kept_light,
        "depth": depth,
        "normal": _normals(splats, rotations, view),
        "keep": is_sound & is_between_planes,
    }


def _intrinsics(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return focal length, principal point and size, (2,) each, pixels."""
    focal_length = np.array([view.fx, view.fy])
    principal_point = np.array([view.cx, view.cy])
    size = np.array([view.width, view.height])
    return focal_length, principal_point, size


def _jacobian(slopes: np.ndarray, depth: np.ndarray, view: View) -> np.ndarray:
    """Differentiate the projection at points in the camera's frame.

    Args:
        slopes: (N, 2) x / z and y / z.
        depth: (N,) metres, z.
        view: the camera.

    Returns:
        (N, 2, 3) pixels a metre.
    """
    focal_length, principal_point, size = _intrinsics(view)
    # Far outside the picture the Jacobian grows without bound, so there it is that of the margin.
    margin = FRUSTUM_MARGIN * 0.5 * size / focal_length
    lowest = -principal_point / focal_length - margin
    highest = (size - principal_point) / focal_length + margin
    held = np.clip(slopes, lowest, highest)
    column = depth[:, None]
    jacobian = np.zeros((len(depth), 2, 3))
    jacobian[:, [0, 1], [0, 1]] = focal_length / column
    jacobian[:, :, 2] = -focal_length * held / column
    return jacobian


def _own_covariance(
    sharp: np.ndarray,
    own_filter: np.ndarray | float,
    depth: np.ndarray,
    focal_length: np.ndarray,
) -> np.ndarray:
    """Add the filter through which the photo saw the splats to their covariance (N, 2, 2)."""
    variance = np.broadcast_to(own_filter, depth.shape)[:, None]  # [N, 1], square metres
    pixels_a_metre = focal_length / depth[:, None]  # [N, 2]
    covariance = sharp.copy()
    covariance[:, [0, 1], [0, 1]] += variance * np.square(pixels_a_metre)
    return covariance


def _normals(splats: Mapping[str, np.ndarray], rotations: np.ndarray, view: View) -> np.ndarray:
    """Return the splats' shortest axes (N, 3), world, turned towards the eye."""
    shortest = np.argmin(splats["scales"], axis=1)
    column = shortest[:, None, None]
    axes = np.take_along_axis(rotations, column, axis=2)[..., 0]
    from_eye = splats["positions"] - view.position
    along = np.sum(axes * from_eye, axis=1)
    faces_away = along > 0
    return np.where(faces_away[:, None], -axes, axes)


def _blend(
    row: int, splat: Mapping[str, Any], values: np.ndarray, sums: dict[str, np.ndarray]
) -> None:
    """Blend one splat over the whole picture.

    Args:
        row: its number.
        splat: its row of `_project`.
        values: (8,) its colour, depth, normal and confidence.
        sums: of `accumulate`, changed.
    """
    alpha = _alpha(splat, *sums["light"].shape)
    light = sums["light"]
    done = sums["done"]

    # A pixel is finished before the splat that would leave too little light, which is not drawn.
    is_drawn = (alpha >= NOTHING_ALPHA) & ~done
    light_left = light * (1 - alpha)
    done |= is_drawn & (light_left <= MIN_LIGHT)
    is_drawn &= ~done

    weight = np.where(is_drawn, light * alpha, 0)
    sums["light"] = np.where(is_drawn, light_left, light)
    sums["values"] += weight[..., None] * values

    # Ids are not blended: the heaviest splat gives them. Of equal weights the first one stays.
    heaviest_weight = sums["weight"]
    is_heavier = weight > heaviest_weight
    second = np.maximum(sums["second"], weight)
    sums["second"] = np.where(is_heavier, heaviest_weight, second)
    sums["weight"] = np.where(is_heavier, weight, heaviest_weight)
    sums["heaviest"] = np.where(is_heavier, row, sums["heaviest"])


def _alpha(splat: Mapping[str, Any], height: int, width: int) -> np.ndarray:
    """Return one splat's opacity in every pixel, (H, W)."""
    centre_x, centre_y = splat["centre"]
    dx = np.arange(width) + 0.5 - centre_x  # [W], pixels
    dy = np.arange(height) + 0.5 - centre_y
    dy = dy[:, None]  # [H, 1]
    a, b, c = splat["conic"]
    squares = a * dx * dx + c * dy * dy
    power = -0.5 * squares - b * dx * dy
    opacity = splat["opacity"] * np.exp(power)
    return np.minimum(MAX_ALPHA, opacity)


def _passes(
    sums: Mapping[str, np.ndarray],
    splats: Mapping[str, np.ndarray],
    view: View,
    photo_position: Point | None,
) -> dict[str, np.ndarray]:
    """Make the passes of a picture from its sums; see `rasterise`."""
    blended = {"alpha": 1 - sums["light"]}
    first = 0
    for name in _VALUES:
        each = BY_NAME[name]
        end = first + each.channels
        part = sums["values"][..., first:end]
        blended[name] = part if each.shape else part[..., 0]
        first = end

    # The row -1 of pixels without a splat takes the -1 at the end.
    ids = {}
    for name in _IDS:
        numbers = splats[name].astype(np.int64)
        with_nothing = np.append(numbers, -1)
        ids[name] = with_nothing[sums["heaviest"]]

    turn = view.world_from_camera[:3, :3]
    rays = view.rays().astype(float) @ turn.T
    photo_from_eye = None
    if photo_position is not None:
        photo_from_eye = np.asarray(photo_position) - view.position
    passes = finish(np, blended, ids, rays, photo_from_eye)
    for each in DRAWN:
        passes[each.name] = passes[each.name].astype(each.dtype)
    return passes
