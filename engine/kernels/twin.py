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
    kept = {name: splats[name][rows] for name in (*_PREPARED, *_IDS)}
    positions = kept["positions"]
    if splats.get("sh") is not None:
        sh = splats["sh"][rows]
        kept["colors"] = seen_colors(positions, kept["colors"], sh, view.position)
    # The photo's own filter is wider in metres, the farther a splat is from the photo's eye.
    own_filter = np.zeros(len(positions))  # [N], square metres
    if photo_focal and photo_position is not None:
        from_photo = positions - np.asarray(photo_position)
        own_filter = LOW_PASS / photo_focal**2 * np.sum(np.square(from_photo), axis=1)
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
        is_finite &= np.isfinite(numbers).all(axis=tuple(range(1, numbers.ndim)))
    square = np.sum(np.square(splats["rotations"], dtype=float), axis=1)
    has_rotation = (square > LEAST_ROTATION) & (square < LARGEST_ROTATION)
    scales = splats["scales"]
    has_size = (scales >= 0).all(axis=1) & (scales > 0).any(axis=1)
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
    rotations = quaternion_to_matrix(splats["rotations"].astype(float))
    x, y, depth = transform_points(camera_from_world, splats["positions"].astype(float)).T
    focal_length = np.array([view.fx, view.fy])
    principal_point = np.array([view.cx, view.cy])
    slopes = np.stack([x / depth, y / depth], axis=1)

    # Its axes on the picture: the projection's Jacobian at the centre times its own axes.
    jacobian = _jacobian(slopes, depth, view)
    axes = rotations * splats["scales"][:, None, :]  # [N, 3, 3], metres, world
    axes_2d = jacobian @ camera_from_world[:3, :3] @ axes  # [N, 2, 3], pixels
    sharp = axes_2d @ axes_2d.transpose(0, 2, 1)  # [N, 2, 2], square pixels

    covariance_2d = sharp + LOW_PASS * np.eye(2)
    a = covariance_2d[:, 0, 0]
    b = covariance_2d[:, 0, 1]
    c = covariance_2d[:, 1, 1]
    determinant = a * c - b * b
    # The filter makes a splat wider; so much fainter it becomes where that is asked for.
    before = determinant
    if antialiased:
        before = np.linalg.det(_own_covariance(sharp, own_filter, depth, focal_length))
    kept_light = np.sqrt(np.clip(before / determinant, 0, 1))

    # What float32 cannot hold is too large to be drawn.
    is_sound = (determinant > 0) & (c * determinant <= np.finfo(np.float32).max)
    return {
        "centre": slopes * focal_length + principal_point,
        "conic": np.stack([c, -b, a], axis=1) / determinant[:, None],
        "opacity": np.minimum(splats["opacities"], 1) * kept_light,
        "depth": depth,
        "normal": _normals(splats, rotations, view),
        "keep": is_sound & (depth >= near) & (depth <= FAR_PLANE),
    }


def _jacobian(slopes: np.ndarray, depth: np.ndarray, view: View) -> np.ndarray:
    """Differentiate the projection at points in the camera's frame.

    Args:
        slopes: (N, 2) x / z and y / z.
        depth: (N,) metres, z.
        view: the camera.

    Returns:
        (N, 2, 3) pixels a metre.
    """
    focal_length = np.array([view.fx, view.fy])
    principal_point = np.array([view.cx, view.cy])
    size = np.array([view.width, view.height])
    # Far outside the picture the Jacobian grows without bound, so there it is that of the margin.
    margin = FRUSTUM_MARGIN * 0.5 * size / focal_length
    lowest = -principal_point / focal_length - margin
    highest = (size - principal_point) / focal_length + margin
    held = np.clip(slopes, lowest, highest)
    jacobian = np.zeros((len(depth), 2, 3))
    jacobian[:, [0, 1], [0, 1]] = focal_length / depth[:, None]
    jacobian[:, :, 2] = -focal_length * held / depth[:, None]
    return jacobian


def _own_covariance(
    sharp: np.ndarray,
    own_filter: np.ndarray | float,
    depth: np.ndarray,
    focal_length: np.ndarray,
) -> np.ndarray:
    """Add the filter through which the photo saw the splats to their covariance (N, 2, 2)."""
    variance = np.broadcast_to(own_filter, depth.shape)[:, None]  # [N, 1], square metres
    covariance = sharp.copy()
    covariance[:, [0, 1], [0, 1]] += variance * np.square(focal_length / depth[:, None])
    return covariance


def _normals(splats: Mapping[str, np.ndarray], rotations: np.ndarray, view: View) -> np.ndarray:
    """Return the splats' shortest axes (N, 3), world, turned towards the eye."""
    shortest = np.argmin(splats["scales"], axis=1)
    axes = np.take_along_axis(rotations, shortest[:, None, None], axis=2)[..., 0]
    from_eye = splats["positions"] - view.position
    faces_away = np.sum(axes * from_eye, axis=1) > 0
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
    height, width = sums["light"].shape
    centre_x, centre_y = splat["centre"]
    dx = np.arange(width) + 0.5 - centre_x  # [W], pixels
    dy = (np.arange(height) + 0.5 - centre_y)[:, None]  # [H, 1]
    a, b, c = splat["conic"]
    falloff = np.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
    alpha = np.minimum(MAX_ALPHA, splat["opacity"] * falloff)  # [H, W]

    # A pixel is finished before the splat that would leave too little light, which is not drawn.
    is_drawn = (alpha >= NOTHING_ALPHA) & ~sums["done"]
    light_left = sums["light"] * (1 - alpha)
    sums["done"] |= is_drawn & (light_left <= MIN_LIGHT)
    is_drawn &= ~sums["done"]

    weight = np.where(is_drawn, sums["light"] * alpha, 0)
    sums["light"] = np.where(is_drawn, light_left, sums["light"])
    sums["values"] += weight[..., None] * values

    # Ids are not blended: the heaviest splat gives them. Of equal weights the first one stays.
    is_heavier = weight > sums["weight"]
    second = np.maximum(sums["second"], weight)
    sums["second"] = np.where(is_heavier, sums["weight"], second)
    sums["weight"] = np.where(is_heavier, weight, sums["weight"])
    sums["heaviest"] = np.where(is_heavier, row, sums["heaviest"])


def _passes(
    sums: Mapping[str, np.ndarray],
    splats: Mapping[str, np.ndarray],
    view: View,
    photo_position: Point | None,
) -> dict[str, np.ndarray]:
    """Make the passes of a picture from its sums; see `rasterise`."""
    ends = np.cumsum([BY_NAME[name].channels for name in _VALUES])
    parts = np.split(sums["values"], ends[:-1], axis=2)
    blended = {"alpha": 1 - sums["light"]}
    for name, part in zip(_VALUES, parts, strict=True):
        blended[name] = part if BY_NAME[name].channels > 1 else part[..., 0]

    # The row -1 of pixels without a splat takes the -1 at the end.
    ids = {}
    for name in _IDS:
        with_nothing = np.append(splats[name].astype(np.int64), -1)
        ids[name] = with_nothing[sums["heaviest"]]

    rays = view.rays().astype(float) @ view.world_from_camera[:3, :3].T
    photo_from_eye = None
    if photo_position is not None:
        photo_from_eye = np.asarray(photo_position) - view.position
    passes = finish(np, blended, ids, rays, photo_from_eye)
    return {each.name: passes[each.name].astype(each.dtype) for each in DRAWN}
