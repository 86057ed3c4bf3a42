"""The data textures that the overlay's shader reads, packed with NumPy alone.

This file imports neither bpy nor gpu, so that its laws are tested without Blender.

Texel `i` of a texture lies at column `i % TEXTURE_WIDTH` of row `i // TEXTURE_WIDTH`. A splat is
four texels; the columns of its row follow each other in them, as `engine.tables.attributes` lists
them. The drawing order is one texel a splat.

The splats are shuffled once when they are packed, so every prefix of them is an even sample of the
scene: the levels of detail.
"""

import colorsys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...engine.tables import attributes

# Texels a row. Every driver's limit is at least 16384, and 16384 rows hold 16 M splats.
TEXTURE_WIDTH = 4096

COLUMNS = attributes.OVERLAY_WIDTH
TEXELS_PER_SPLAT = COLUMNS // 4
_POSITION_COLUMNS = attributes.overlay_slice("positions")
_OPACITY_COLUMN = attributes.overlay_slice("opacities").start

VISIBLE_OPACITY = 1.0 / 255.0  # below this no pixel of a splat passes the shader's cut-off
_SHUFFLE_SEED = 0  # any constant: the same file always gives the same levels of detail

PALETTE_SIZE = 256  # region colours the shader can tell apart, the last one is "no region"
_GOLDEN_RATIO = 0.618034  # of the hue circle: successive regions get far-apart hues
_SATURATION = 0.75  # of regions without a colour of their own
_BRIGHTNESS = 0.95  # of regions without a colour of their own
_NO_REGION_GREY = 0.35  # sRGB-encoded


@dataclass(frozen=True, eq=False)
class PackedSplats:
    """A scene's splats as the shader reads them, in shuffled order."""

    count: int  # splats; the rest of the last texture row is zeros
    positions: np.ndarray  # (N, 3) float32, world, metres: for the sort
    texels: np.ndarray  # (rows, TEXTURE_WIDTH, 4) float32: splat i starts at texel 4 i


def read_table(path: str | Path) -> np.ndarray:
    """Read the engine's overlay file.

    It is read rather than mapped: a mapped file that is cut short would kill Blender.

    Args:
        path: a `.npy` of (N, COLUMNS) float32.

    Raises:
        ValueError: with one sentence, where the file is not such a table.
    """
    name = Path(path).name
    try:
        table = np.load(path, allow_pickle=False)
    except (OSError, EOFError, ValueError) as error:
        raise ValueError(
            f"The overlay file {name} cannot be read; open the scene again ({error})."
        ) from error
    has_columns = table.ndim == 2 and table.shape[1] == COLUMNS
    if not has_columns or table.dtype != np.float32:
        raise ValueError(
            f"The overlay file {name} holds {table.dtype} {table.shape}, "
            f"not float32 (N, {COLUMNS}); reconstruct the scene with this version."
        )
    return table


def pack(table: np.ndarray) -> PackedSplats:
    """Shuffle the rows that can be seen and lay them out as a texture.

    Args:
        table: (N, COLUMNS) float32, with the columns of `attributes.OVERLAY_COLUMNS`.

    Returns:
        The finite, visible rows, in an order that depends on their number alone.
    """
    # A NaN or an infinity anywhere in a row makes the row's sum one.
    row_sums = table @ np.ones(COLUMNS, np.float32)
    is_finite = np.isfinite(row_sums)
    opacities = table[:, _OPACITY_COLUMN]
    is_visible = opacities >= VISIBLE_OPACITY
    rows = np.flatnonzero(is_finite & is_visible)
    # Every prefix of the shuffled rows is an even sample of the scene.
    rng = np.random.default_rng(_SHUFFLE_SEED)
    rng.shuffle(rows)
    count = len(rows)
    texels = _empty_rows(count * TEXELS_PER_SPLAT, 4)
    all_rows = texels.reshape(-1, COLUMNS)  # a view: filling it fills the texels
    splats = all_rows[:count]
    # "clip" writes straight into `out`, where the default would make a copy; every row exists.
    np.take(table, rows, axis=0, out=splats, mode="clip")
    positions = np.ascontiguousarray(splats[:, _POSITION_COLUMNS])
    return PackedSplats(count, positions, texels)


def texture_rows(values: np.ndarray) -> np.ndarray:
    """Lay values out in whole texture rows, the last one filled up with zeros.

    Args:
        values: (N,) or (N, C).

    Returns:
        (rows, TEXTURE_WIDTH, C) float32, C-contiguous, at least one row.
    """
    count = len(values)
    channels = values.shape[1] if values.ndim > 1 else 1
    texels = _empty_rows(count, channels)
    flat = texels.reshape(-1, channels)  # a view
    flat[:count] = values.reshape(-1, channels)
    return texels


def _empty_rows(count: int, channels: int) -> np.ndarray:
    """Return zeros for `count` texels, (rows, TEXTURE_WIDTH, channels) float32."""
    rows = -(-count // TEXTURE_WIDTH)  # rounded up
    shape = (max(1, rows), TEXTURE_WIDTH, channels)
    return np.zeros(shape, np.float32)


def palette(region_colors: list | None = None) -> np.ndarray:
    """Return the regions' colours as a texture row.

    Args:
        region_colors: each region's r, g, b, sRGB-encoded 0 to 1. Regions without one get hues
            far from each other.

    Returns:
        (1, PALETTE_SIZE, 4) float32; the last texel is the grey of "no region".
    """
    texels = np.ones((1, PALETTE_SIZE, 4), np.float32)
    colors = texels[0, :, :3]  # a view
    most_regions = PALETTE_SIZE - 1
    for index in range(most_regions):
        turns = index * _GOLDEN_RATIO
        hue = turns % 1.0
        colors[index] = colorsys.hsv_to_rgb(hue, _SATURATION, _BRIGHTNESS)
    chosen = region_colors or []
    for index, color in enumerate(chosen[:most_regions]):
        colors[index] = color[:3]
    colors[-1] = _NO_REGION_GREY
    return texels
