"""The rasteriser's NumPy twin: the formulas of rasterise.c in float64, one splat after the other, plain to read.

Kerbl et al. 2023 with gsplat 1.5.3's constants. Slow: for tests and for whoever wants to know what a kernel computes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..camera import View
from ..geometry import quaternion_to_matrix, transform_points

LOW_PASS = 0.3  # square pixels, added to the covariance on the picture
MAX_ALPHA = 0.999  # of one splat in one pixel
MIN_ALPHA = 1 / 255  # less is not drawn
MIN_LIGHT = 1e-4  # a pixel is finished before the splat that would leave less light than this
FAR_PLANE = 1e10  # metres
FRUSTUM_MARGIN = 0.3  # of half the picture, how far beyond the edge the Jacobian follows a splat
NEAREST = 1e-6  # metres

Point = tuple[float, float, float]


def rasterise(
    splats: Mapping[str, Any], view: View, near: float, photo_position: Point | None, antialiased: bool = False
) -> dict[str, np.ndarray]:
    """All passes of a view.

    Args:
        splats: the arrays of a `Splats` record by name.
        view: the camera.
        near: metres; splats nearer than this are not drawn.
        photo_position: the photo's eye, world, or None.
        antialiased: make a splat fainter by as much as the low-pass filter makes it wider (Mip-Splatting; gsplat 1.5.3).

    Returns:
        The passes of `ProxyRender` by name.
    """
    kept = {name: splats[name][_drawable(splats)] for name in _NAMES}
    return _passes(accumulate(kept, view, near, antialiased), kept, view, photo_position)


def accumulate(splats: Mapping[str, np.ndarray], view: View, near: float, antialiased: bool = False) -> dict[str, np.ndarray]:
    """Blend drawable splats.

    Returns:
        `light` (H, W) that passes through; `weight`, `second` (H, W), the two largest weights; `heaviest` (H, W), the row
        of the largest, -1 for none; `values` (H, W, 8), weighted sums of colour, depth, normal and confidence; `done`.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        flat = _project(splats, view, max(near, NEAREST), antialiased)
    shape = view.height, view.width
    sums = {name: np.zeros(shape) for name in ("weight", "second")}
    sums |= {
        "light": np.ones(shape),
        "heaviest": np.full(shape, -1),
        "values": np.zeros((*shape, 8)),
        "done": np.zeros(shape, bool),
    }
    values = np.concatenate([splats["colors"], flat["depth"][:, None], flat["normal"], splats["confidence"][:, None]], axis=1)
    # The kernels order by float32 depth and then by row.
    order = np.argsort(flat["depth"].astype(np.float32), kind="stable")
    for row in order[flat["keep"][order]]:
        _blend(row, {name: array[row] for name, array in flat.items()}, values[row], sums)
    return sums


_NAMES = ("positions", "scales", "rotations", "opacities", "colors", "confidence", "region", "origin")


def _drawable(splats: Mapping[str, Any]) -> np.ndarray:
    """(N,) bool: finite numbers, a rotation, a size, an opacity that shows."""
    finite = np.ones(len(splats["positions"]), bool)
    for name in _NAMES[:6]:
        finite &= np.isfinite(splats[name]).all(axis=tuple(range(1, splats[name].ndim)))
    length = np.sum(np.square(splats["rotations"], dtype=float), axis=1)
    sized = (splats["scales"] >= 0).all(axis=1) & (splats["scales"] > 0).any(axis=1)
    return finite & sized & (length > 1e-24) & (length < 1e24) & (splats["opacities"] >= np.float32(MIN_ALPHA))


def _project(splats: Mapping[str, np.ndarray], view: View, near: float, antialiased: bool) -> dict[str, np.ndarray]:
    """Centres, conics, opacities, depths and normals, one row a splat, and which of them are kept."""
    pose = view.camera_from_world
    rotations = quaternion_to_matrix(splats["rotations"].astype(float))
    x, y, depth = transform_points(pose, splats["positions"].astype(float)).T
    focal, centre, size = np.array([view.fx, view.fy]), np.array([view.cx, view.cy]), np.array([view.width, view.height])
    margin = FRUSTUM_MARGIN * 0.5 * size / focal
    slopes = np.stack([x / depth, y / depth], axis=1)
    held = np.clip(slopes, -centre / focal - margin, (size - centre) / focal + margin)
    jacobian = np.zeros((len(depth), 2, 3))
    jacobian[:, [0, 1], [0, 1]] = focal / depth[:, None]
    jacobian[:, :, 2] = -focal * held / depth[:, None]
    spread = jacobian @ pose[:3, :3] @ (rotations * splats["scales"][:, None, :])
    covariance = spread @ spread.transpose(0, 2, 1) + LOW_PASS * np.eye(2)
    a, b, c = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    determinant = a * c - b * b
    sharp = np.linalg.det(spread @ spread.transpose(0, 2, 1)) if antialiased else determinant
    # What float32 cannot hold is too large to be drawn.
    sound = (determinant > 0) & (c * determinant <= np.finfo(np.float32).max)
    shortest = np.argmin(splats["scales"], axis=1)
    normal = np.take_along_axis(rotations, shortest[:, None, None], axis=2)[..., 0]
    away = np.sum(normal * (splats["positions"] - view.position), axis=1) > 0
    return {
        "centre": slopes * focal + centre,
        "conic": np.stack([c, -b, a], axis=1) / determinant[:, None],
        "opacity": np.minimum(splats["opacities"], 1) * np.sqrt(np.clip(sharp / determinant, 0, 1)),
        "depth": depth,
        "normal": np.where(away[:, None], -normal, normal),
        "keep": sound & (depth >= near) & (depth <= FAR_PLANE),
    }


def _blend(row: int, splat: Mapping[str, Any], values: np.ndarray, sums: dict[str, np.ndarray]) -> None:
    """One splat over the whole picture."""
    height, width = sums["light"].shape
    dx = np.arange(width) + 0.5 - splat["centre"][0]
    dy = (np.arange(height) + 0.5 - splat["centre"][1])[:, None]
    a, b, c = splat["conic"]
    alpha = np.minimum(MAX_ALPHA, splat["opacity"] * np.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy))
    drawn = (alpha >= MIN_ALPHA) & ~sums["done"]
    left = sums["light"] * (1 - alpha)
    sums["done"] |= drawn & (left <= MIN_LIGHT)
    drawn &= ~sums["done"]
    weight = np.where(drawn, sums["light"] * alpha, 0)
    sums["light"] = np.where(drawn, left, sums["light"])
    sums["values"] += weight[..., None] * values
    heavier = weight > sums["weight"]
    sums["second"] = np.where(heavier, sums["weight"], np.maximum(sums["second"], weight))
    sums["weight"] = np.where(heavier, weight, sums["weight"])
    sums["heaviest"] = np.where(heavier, row, sums["heaviest"])


def _passes(
    sums: Mapping[str, np.ndarray], splats: Mapping[str, np.ndarray], view: View, photo_position: Point | None
) -> dict[str, np.ndarray]:
    alpha = 1 - sums["light"]
    there = alpha >= MIN_ALPHA
    color, depth, normal, trust = np.split(sums["values"], [3, 4, 7], axis=2)
    depth = np.where(there, depth[..., 0] / np.maximum(alpha, MIN_ALPHA), np.inf)
    points = view.unproject(np.where(there, depth, 1))
    length = np.linalg.norm(normal, axis=2, keepdims=True)
    to_eye = view.position - points
    to_eye /= np.linalg.norm(to_eye, axis=2, keepdims=True)
    normal = np.where(length > 1e-6, normal / np.maximum(length, 1e-6), to_eye)
    angle = np.ones_like(alpha)
    if photo_position is not None:
        to_photo = np.asarray(photo_position) - points
        angle = np.sum(to_eye * to_photo, axis=2) / np.maximum(np.linalg.norm(to_photo, axis=2), 1e-12)
    heaviest = sums["heaviest"]
    ids = {name: np.append(splats[name].astype(np.int64), -1)[heaviest] for name in ("region", "origin")}
    return {
        "color": color.astype(np.float32),
        "alpha": alpha.astype(np.float32),
        "depth": depth.astype(np.float32),
        "normal": np.where(there[..., None], normal, 0).astype(np.float32),
        # Blended by weight, the confidence is already "mean times coverage".
        "confidence": np.where(there, np.clip(trust[..., 0] * np.clip(angle, 0, 1), 0, 1), 0).astype(np.float32),
        "region": np.where(there, ids["region"], -1).astype(np.int32),
        "origin": np.where(there, ids["origin"], -1).astype(np.int8),
    }
