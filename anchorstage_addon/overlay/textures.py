"""What the overlay's shader reads, packed with NumPy alone: data textures, the drawing order, the view's uniform block.

This file imports neither bpy nor gpu, so that its laws are tested without Blender.

Texel `i` of a texture lies at column `i % TEXTURE_WIDTH` of row `i // TEXTURE_WIDTH`. A splat is four texels, the order
of drawing one texel a splat. The splats are shuffled once when they are packed, so every prefix of them is an even
sample of the scene: the levels of detail.
"""

import colorsys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

TEXTURE_WIDTH = (
    4096  # texels a row; every driver's limit is at least 16384, and 16384 rows hold 16 M splats
)
FLOOR_PULL = 0.02  # what lies below the floor is drawn this part of the distance before it
COLUMNS = 16  # of the engine's overlay file, see `pack`
TEXELS_PER_SPLAT = COLUMNS // 4
VISIBLE_OPACITY = 1.0 / 255.0  # below this no pixel of a splat passes the shader's cut-off
PALETTE_SIZE = 256  # region colours the shader can tell apart, the last one is "no region"
THINNED_SPREAD = (
    1.6  # a random sample leaves uneven gaps: 3 % of pixels open without this factor, 0.3 % with it
)
_SHUFFLE_SEED = 0  # any constant: the same file always gives the same levels of detail
_GOLDEN_RATIO = 0.618034  # of the hue circle: successive regions get far-apart hues
_U16 = 65535

MODES = ("COLOR", "REGIONS", "CONFIDENCE")


@dataclass(frozen=True, eq=False)
class PackedSplats:
    """A scene's splats as the shader reads them, rows shuffled."""

    count: int  # splats; the rest of the last texture row is zeros
    positions: np.ndarray  # (N, 3) float32, world, metres: what the sort needs
    texels: np.ndarray  # (rows, TEXTURE_WIDTH, 4) float32: splat i's columns, as `pack` takes them, from texel 4 i on


def read_table(path: str | Path) -> np.ndarray:
    """The engine's overlay file, read rather than mapped: a mapped file that is cut short would kill Blender.

    Args:
        path: a `.npy` of (N, 16) float32.

    Raises:
        ValueError: with one sentence, where the file is not such a table.
    """
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(
            f"The overlay file {Path(path).name} cannot be read; open the scene again ({error})."
        ) from error
    if table.ndim != 2 or table.shape[1] != COLUMNS or table.dtype != np.float32:
        raise ValueError(
            f"The overlay file {Path(path).name} holds {table.dtype} {table.shape}, not float32 (N, {COLUMNS}); "
            "reconstruct the scene with this version."
        )
    return table


def pack(table: np.ndarray) -> PackedSplats:
    """Shuffles the rows that can be seen and lays them out as a texture.

    Args:
        table: (N, 16) float32: x y z opacity, covariance xx xy xz yy yz zz, region, confidence, r g b, origin.

    Returns:
        The finite, visible rows, in an order that depends on their number alone.
    """
    finite = np.isfinite(
        table @ np.ones(COLUMNS, np.float32)
    )  # a NaN or infinity anywhere makes the sum one
    rows = np.flatnonzero(finite & (table[:, 3] >= VISIBLE_OPACITY))
    np.random.default_rng(_SHUFFLE_SEED).shuffle(rows)
    texels = _empty_rows(len(rows) * TEXELS_PER_SPLAT, 4)
    splats = texels.reshape(-1, COLUMNS)[: len(rows)]
    np.take(
        table, rows, axis=0, out=splats, mode="clip"
    )  # "clip" writes straight into `out`; every row exists
    return PackedSplats(len(rows), np.ascontiguousarray(splats[:, :3]), texels)


def texture_rows(values: np.ndarray) -> np.ndarray:
    """Whole texture rows of `values`, the last one filled up with zeros.

    Args:
        values: (N,) or (N, C).

    Returns:
        (rows, TEXTURE_WIDTH, C) float32, C-contiguous, at least one row.
    """
    channels = values.shape[1] if values.ndim > 1 else 1
    texels = _empty_rows(len(values), channels)
    texels.reshape(-1, channels)[: len(values)] = values.reshape(-1, channels)
    return texels


def _empty_rows(count: int, channels: int) -> np.ndarray:
    """Zeros for `count` texels, (rows, TEXTURE_WIDTH, channels) float32."""
    return np.zeros((max(1, -(-count // TEXTURE_WIDTH)), TEXTURE_WIDTH, channels), np.float32)


def view_depths(positions: np.ndarray, view_row: np.ndarray) -> np.ndarray:
    """Planar distance in front of the camera.

    Args:
        positions: (N, 3) world, metres.
        view_row: (4,) the third row of Blender's view matrix (whose camera looks along -Z).

    Returns:
        (N,) float32 metres, negative behind the camera.
    """
    row = np.asarray(view_row, np.float32)
    return -(positions @ row[:3] + row[3])


def drawing_order(depths: np.ndarray, near: float | None) -> np.ndarray:
    """Splat indices from the farthest to the nearest, by a stable radix sort of 16-bit keys.

    In perspective the keys are the high bits of the floats themselves, so the step is a share of the depth (below
    1/1000 for a range of 1 to 10^9) and a far sky does not coarsen the foreground; without perspective the step is even.

    Args:
        depths: (N,) float32, metres in front of the camera.
        near: in perspective, what lies nearer is left out; None for an orthographic view, where nothing is.

    Returns:
        (M,) intp, at most N.
    """
    kept = None
    if near is not None and (in_front := depths > max(near, 0.0)).sum() < len(depths):
        kept = np.flatnonzero(in_front)
        depths = depths[kept]
    if not len(depths):
        return np.zeros(0, np.intp)
    # argsort(kind="stable") of uint16 is NumPy's radix sort: ten times as fast as sorting the floats.
    order = np.argsort(_sort_keys(depths, near is not None), kind="stable")
    return order if kept is None else kept[order]


def _sort_keys(depths: np.ndarray, relative: bool) -> np.ndarray:
    """(N,) uint16, falling with depth."""
    if relative:
        bits = depths.view(np.uint32)  # monotonic for positive floats
        nearest, span = bits.min(), np.float32(np.ptp(bits))
        steps = (bits - nearest).astype(np.float32)
    else:
        span = np.float32(np.ptp(depths))
        steps = depths - depths.min()
    scale = np.float32(_U16 / span) if span > 0 else np.float32(0)
    return _U16 - np.minimum(steps * scale, _U16).astype(np.uint16)


def near_plane(window_matrix: np.ndarray) -> float | None:
    """The near clipping distance of a perspective matrix in metres; None for an orthographic one."""
    if not is_perspective(window_matrix):
        return None
    return float(window_matrix[2, 3] / (window_matrix[2, 2] - 1.0))


def is_perspective(window_matrix: np.ndarray) -> bool:
    """Whether the (4, 4) projection divides by depth: its last row is (0, 0, -1, 0) then, else (0, 0, 0, 1)."""
    return bool(abs(window_matrix[3, 2]) > 0.5)


def footprint_scale(count: int, drawn: int, size: float) -> float:
    """The factor on every covariance so that `drawn` of `count` splats still cover the same surfaces.

    Splats lie on surfaces, so area per splat, thus variance, grows as the number falls.
    """
    thinned = THINNED_SPREAD * count / max(drawn, 1) if drawn < count else 1.0
    return size * size * thinned


def view_block(
    view: np.ndarray,
    window: np.ndarray,
    size: tuple[int, int],
    mode: str,
    footprint: float,
    first: int = 0,
) -> np.ndarray:
    """The shader's `ViewBlock` in std140: matrices by columns, every member a multiple of 16 bytes.

    Args:
        view: (4, 4) Blender's view matrix.
        window: (4, 4) Blender's projection.
        size: width and height of the region, pixels.
        mode: one of `MODES`.
        footprint: factor on covariances.
        first: where in the drawing order this draw starts.

    Returns:
        (40,) float32.
    """
    block = np.zeros(40, np.float32)
    block[0:16] = np.asarray(view, np.float32).T.ravel()
    block[16:32] = np.asarray(window, np.float32).T.ravel()
    block[32:36] = size[0], size[1], footprint, float(is_perspective(window))
    block[36:40].view(np.int32)[:2] = first, MODES.index(mode)
    return block


def palette(region_colors: list | None = None) -> np.ndarray:
    """The regions' colours as a texture row.

    Args:
        region_colors: for each region its r, g, b, sRGB-encoded 0..1; hues far from each other where there are none.

    Returns:
        (1, PALETTE_SIZE, 4) float32; the last texel is the grey of "no region".
    """
    texels = np.ones((1, PALETTE_SIZE, 4), np.float32)
    for index in range(PALETTE_SIZE - 1):
        texels[0, index, :3] = colorsys.hsv_to_rgb((index * _GOLDEN_RATIO) % 1.0, 0.75, 0.95)
    for index, color in enumerate((region_colors or [])[: PALETTE_SIZE - 1]):
        texels[0, index, :3] = color[:3]
    texels[0, -1, :3] = 0.35
    return texels


def floor_depth(view: np.ndarray, window: np.ndarray) -> tuple[float, float, float, float]:
    """Window depth of the floor z = 0 over a viewport: `a x + b y + c` with x, y from -1 to 1, a little towards the eye.

    A plane's depth in the window is affine over the picture, in perspective and without.

    Args:
        view: (4, 4) view from world.
        window: (4, 4) clip space from view.

    Returns:
        a, b, c, and 1 where it holds; 0 where the eye is not above the floor or looks along it.
    """
    world_from_view = np.linalg.inv(view.astype(np.float64))
    x, y, z, w = np.linalg.inv(window.astype(np.float64) @ view.astype(np.float64)).T @ [
        0.0,
        0.0,
        1.0,
        0.0,
    ]
    perspective = abs(window[3, 2]) > 0.5
    if (
        abs(z) < 1e-12
        or (perspective and world_from_view[2, 3] <= 0)
        or (not perspective and world_from_view[2, 2] <= 0)
    ):
        return 0.0, 0.0, 0.0, 0.0
    a, b, c = -x / z, -y / z, -w / z
    # From -1..1 to 0..1, then nearer: the far end of the depth range is 1.
    near = 1 + FLOOR_PULL
    return a / 2 * near, b / 2 * near, 1 - (1 - (c + 1) / 2) * near, 1.0
