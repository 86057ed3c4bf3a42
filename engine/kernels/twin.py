"""The rasteriser's NumPy twin: the formulas of rasterise.c in float64, one splat after the other, plain to read.

Kerbl et al. 2023 with gsplat 1.5.3's constants. Slow: for tests and for whoever wants to know what a kernel computes.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..camera import View
from ..geometry import quaternion_to_matrix, transform_points
from ..tables.attributes import PREPARED_NAMES
from ..tables.passes import DRAWN
from .constants import (
    FAR_PLANE,
    FRUSTUM_MARGIN,
    LEAST_ROTATION,
    LOW_PASS,
    MAX_ALPHA,
    MIN_LIGHT,
    MOST_ROTATION,
    NEAREST,
)
from .constants import NOTHING_ALPHA as MIN_ALPHA
from .normalise import finish

Point = tuple[float, float, float]


def rasterise(
    splats: Mapping[str, Any],
    view: View,
    near: float,
    photo_position: Point | None,
    antialiased: bool = False,
    photo_focal: float | None = None,
) -> dict[str, np.ndarray]:
    """All passes of a view.

    Args:
        splats: the arrays of a `Splats` record by name; `sh` may be missing or None.
        view: the camera.
        near: metres; splats nearer than this are not drawn.
        photo_position: the photo's eye, world, or None.
        antialiased: make a splat fainter by as much as the low-pass filter makes it wider (Mip-Splatting; gsplat 1.5.3).
        photo_focal: pixels, of the grid the splats were lifted from, or None: the filter that they were seen through there
            is their own, and only what goes beyond it makes them fainter.

    Returns:
        The passes of `ProxyRender` by name.
    """
    rows = drawable(splats)
    kept = {name: splats[name][rows] for name in _NAMES}
    if splats.get("sh") is not None:
        kept["colors"] = seen_colors(
            kept["positions"], kept["colors"], splats["sh"][rows], view.position
        )
    own = np.zeros(len(kept["positions"]))
    if photo_focal and photo_position is not None:
        own = (
            LOW_PASS
            / photo_focal**2
            * np.sum(np.square(kept["positions"] - np.asarray(photo_position)), axis=1)
        )
    return _passes(accumulate(kept, view, near, antialiased, own), kept, view, photo_position)


def accumulate(
    splats: Mapping[str, np.ndarray],
    view: View,
    near: float,
    antialiased: bool = False,
    own: np.ndarray | float = 0.0,
) -> dict[str, np.ndarray]:
    """Blend drawable splats; `own` (N,) square metres is the part of the low-pass that is theirs.

    Returns:
        `light` (H, W) that passes through; `weight`, `second` (H, W), the two largest weights; `heaviest` (H, W), the row
        of the largest, -1 for none; `values` (H, W, 8), weighted sums of colour, depth, normal and confidence; `done`.
    """
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        flat = _project(splats, view, max(near, NEAREST), antialiased, own)
    shape = view.height, view.width
    sums = {name: np.zeros(shape) for name in ("weight", "second")}
    sums |= {
        "light": np.ones(shape),
        "heaviest": np.full(shape, -1),
        "values": np.zeros((*shape, 8)),
        "done": np.zeros(shape, bool),
    }
    values = np.concatenate(
        [splats["colors"], flat["depth"][:, None], flat["normal"], splats["confidence"][:, None]],
        axis=1,
    )
    # The kernels order by float32 depth and then by row.
    order = np.argsort(flat["depth"].astype(np.float32), kind="stable")
    for row in order[flat["keep"][order]]:
        _blend(row, {name: array[row] for name, array in flat.items()}, values[row], sums)
    return sums


# The attributes that are drawn from, and those that must be finite numbers.
_NAMES = (*PREPARED_NAMES, "region", "origin")


def drawable(splats: Mapping[str, Any]) -> np.ndarray:
    """(N,) bool, which rows can be drawn at all: finite numbers, a rotation, a size, an opacity that shows."""
    finite = np.ones(len(splats["positions"]), bool)
    for name in PREPARED_NAMES:
        finite &= np.isfinite(splats[name]).all(axis=tuple(range(1, splats[name].ndim)))
    length = np.sum(np.square(splats["rotations"], dtype=float), axis=1)
    sized = (splats["scales"] >= 0).all(axis=1) & (splats["scales"] > 0).any(axis=1)
    return (
        finite
        & sized
        & (length > LEAST_ROTATION)
        & (length < MOST_ROTATION)
        & (splats["opacities"] >= np.float32(MIN_ALPHA))
    )


def _project(
    splats: Mapping[str, np.ndarray],
    view: View,
    near: float,
    antialiased: bool,
    own: np.ndarray | float,
) -> dict[str, np.ndarray]:
    """Centres, conics, opacities, depths and normals, one row a splat, and which of them are kept."""
    pose = view.camera_from_world
    rotations = quaternion_to_matrix(splats["rotations"].astype(float))
    x, y, depth = transform_points(pose, splats["positions"].astype(float)).T
    focal, centre, size = (
        np.array([view.fx, view.fy]),
        np.array([view.cx, view.cy]),
        np.array([view.width, view.height]),
    )
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
    seen = spread @ spread.transpose(0, 2, 1)
    seen[:, [0, 1], [0, 1]] += np.broadcast_to(own, depth.shape)[:, None] * np.square(
        focal / depth[:, None]
    )
    sharp = np.linalg.det(seen) if antialiased else determinant
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


def _blend(
    row: int, splat: Mapping[str, Any], values: np.ndarray, sums: dict[str, np.ndarray]
) -> None:
    """One splat over the whole picture."""
    height, width = sums["light"].shape
    dx = np.arange(width) + 0.5 - splat["centre"][0]
    dy = (np.arange(height) + 0.5 - splat["centre"][1])[:, None]
    a, b, c = splat["conic"]
    alpha = np.minimum(
        MAX_ALPHA, splat["opacity"] * np.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)
    )
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
    sums: Mapping[str, np.ndarray],
    splats: Mapping[str, np.ndarray],
    view: View,
    photo_position: Point | None,
) -> dict[str, np.ndarray]:
    color, depth, normal, trust = np.split(sums["values"], [3, 4, 7], axis=2)
    heaviest = sums["heaviest"]
    ids = {
        name: np.append(splats[name].astype(np.int64), -1)[heaviest]
        for name in ("region", "origin")
    }
    blended = {
        "color": color,
        "alpha": 1 - sums["light"],
        "depth": depth[..., 0],
        "normal": normal,
        "confidence": trust[..., 0],
    }
    rays = view.rays().astype(float) @ view.world_from_camera[:3, :3].T
    photo = None if photo_position is None else np.asarray(photo_position) - view.position
    passes = finish(np, blended, ids, rays, photo)
    return {one.name: passes[one.name].astype(one.dtype) for one in DRAWN}


def seen_colors(
    positions: np.ndarray, colors: np.ndarray, sh: np.ndarray, eye: np.ndarray
) -> np.ndarray:
    """`max(0, colors + sum over k of sh[k] Y_k(direction))`, or the colours where that is not finite (harmonics.c).

    Args:
        positions: (N, 3) metres, world.
        colors: (N, 3) the constant part.
        sh: (N, 3 or 8 or 15, 3).
        eye: (3,) metres, world.

    Returns:
        (N, 3) float64.
    """
    way = positions.astype(float) - eye
    length = np.linalg.norm(way, axis=1, keepdims=True)
    basis = sh_basis(way / np.where(length > 0, length, 1))[:, : sh.shape[1]]
    with np.errstate(over="ignore", invalid="ignore"):
        seen = colors + np.einsum("nk,nkc->nc", basis, sh.astype(float))
    return np.maximum(np.where(np.abs(seen) <= np.finfo(np.float32).max, seen, colors), 0)


def sh_basis(directions: np.ndarray) -> np.ndarray:
    """The real spherical harmonics of bands 1 to 3, ordered and signed as 3DGS does (with the Condon-Shortley phase).

    Args:
        directions: (N, 3) unit.

    Returns:
        (N, 15): three of band 1, five of band 2, seven of band 3, each from order -l to l.
    """
    x, y, z = np.asarray(directions, float).T
    one, pi = np.ones_like(x), np.pi
    first = [-np.sqrt(3 / (4 * pi)) * y, np.sqrt(3 / (4 * pi)) * z, -np.sqrt(3 / (4 * pi)) * x]
    half, small = np.sqrt(15 / pi) / 2, np.sqrt(5 / pi) / 4
    second = [
        half * x * y,
        -half * y * z,
        small * (3 * z * z - one),
        -half * x * z,
        half / 2 * (x * x - y * y),
    ]
    a, b, c, d = (
        np.sqrt(35 / (2 * pi)) / 4,
        np.sqrt(105 / pi) / 2,
        np.sqrt(21 / (2 * pi)) / 4,
        np.sqrt(7 / pi) / 4,
    )
    third = [
        -a * y * (3 * x * x - y * y),
        b * x * y * z,
        -c * y * (5 * z * z - one),
        d * z * (5 * z * z - 3),
        -c * x * (5 * z * z - one),
        b / 2 * z * (x * x - y * y),
        -a * x * (x * x - 3 * y * y),
    ]
    return np.stack(first + second + third, axis=1)
