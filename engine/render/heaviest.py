"""The splat that weighs most in each pixel, from gsplat's intermediate results.

Ids are exact, never blended. gsplat's `rasterize_to_indices_in_range` lists the pairs of splat and
pixel, each pixel's front to back, with its own stop rule. One call must see a pixel's whole depth,
because a call does not tell the next which pixels are finished; so the picture is done in strips of
whole tile rows, few enough that their pairs fit into memory.
"""

from typing import Any

import gsplat
import torch
from torch import Tensor

from ..kernels.constants import MAX_ALPHA
from ..progress import Progress

# Pairs that a strip may have at most, about 100 bytes each; few pictures have a tenth of what they
# may have.
MAX_PAIRS = 1 << 25
WHOLE_DEPTH = 2**31 - 1  # batches of splats; all there are


def heaviest(meta: dict[str, Any], progress: Progress | None = None) -> Tensor:
    """Return the row of the splat with the largest weight in each pixel.

    Of equal weights it is the front-most; -1 where there is none.

    Args:
        meta: of `gsplat.rasterization` with one camera and packed=False.
        progress: asked before each strip.

    Returns:
        (H, W) int64.

    Raises:
        Cancelled: through `progress`.
    """
    tile_size = meta["tile_size"]
    offsets = meta["isect_offsets"][0]  # [tile rows, tile columns], each tile's first entry
    entries = len(meta["flatten_ids"])
    starts = offsets[:, 0].tolist()
    ends = [*starts[1:], entries]
    strips = []
    for rows in _strips(starts, ends, tile_size * tile_size):
        if progress is not None:
            progress.check()
        top = rows.start * tile_size
        bottom = min(rows.stop * tile_size, meta["height"])
        strip_offsets = offsets[rows.start : rows.stop]
        last = ends[rows.stop - 1]
        strips.append(_strip(meta, strip_offsets, last, top, bottom))
    return torch.cat(strips)


def _strips(starts: list[int], ends: list[int], pixels: int) -> list[range]:
    """Cut the tile rows so that no strip may have more than MAX_PAIRS pairs.

    A single row may have more.

    Args:
        starts: each tile row's first entry.
        ends: the entry after each tile row's last.
        pixels: of a tile; each may make a pair with each of its entries.
    """
    strips = []
    first = 0
    for row in range(1, len(starts) + 1):
        if row == len(starts) or (ends[row] - starts[first]) * pixels > MAX_PAIRS:
            strips.append(range(first, row))
            first = row
    return strips


def _strip(meta: dict[str, Any], offsets: Tensor, last: int, top: int, bottom: int) -> Tensor:
    """Find the heaviest splats of the rows [top, bottom) of the picture.

    Args:
        meta: as in `heaviest`.
        offsets: of the strip's tiles.
        last: the entry after the strip's last.
        top: first row of pixels.
        bottom: row of pixels after the last.
    """
    width = meta["width"]
    height = bottom - top
    # The strip is a picture of its own, whose row 0 is `top`.
    shift = torch.tensor([0.0, top], device=offsets.device)
    centres = meta["means2d"] - shift
    light = torch.ones(1, height, width, device=offsets.device)
    splats, pixels, _ = gsplat.rasterize_to_indices_in_range(
        0,
        WHOLE_DEPTH,
        light,
        centres,
        meta["conics"],
        meta["opacities"],
        width,
        height,
        meta["tile_size"],
        offsets[None],
        meta["flatten_ids"][:last],
    )
    alphas = _alphas(
        splats,
        pixels,
        centres[0],
        meta["conics"][0],
        meta["opacities"][0],
        width,
    )
    return heaviest_of(splats, pixels, alphas, height * width).reshape(height, width)


def _alphas(
    splats: Tensor, pixels: Tensor, centres: Tensor, conics: Tensor, opacities: Tensor, width: int
) -> Tensor:
    """Compute the opacity of each pair's splat in its pixel, (M,)."""
    pixel_x = pixels % width + 0.5
    pixel_y = pixels // width + 0.5
    dx = centres[splats, 0] - pixel_x
    dy = centres[splats, 1] - pixel_y
    a, b, c = conics[splats].unbind(1)
    squares = a * dx * dx + c * dy * dy
    power = -0.5 * squares - b * dx * dy
    alphas = opacities[splats] * torch.exp(power)
    return alphas.clamp(max=MAX_ALPHA)


def heaviest_of(splats: Tensor, pixels: Tensor, alphas: Tensor, count: int) -> Tensor:
    """Return the splat with the largest weight of each pixel, of equal ones the first.

    A weight is alpha times the light that the pixel's earlier pairs let through: a sum of
    logarithms, in float64 because it runs over all pixels of a strip.

    Args:
        splats: (M,) int64.
        pixels: (M,) int64 below `count`, ascending, each pixel's pairs front to back.
        alphas: (M,) below 1.
        count: of pixels.

    Returns:
        (count,) int64; -1 where there is none.
    """
    chosen = torch.full((count,), -1, dtype=torch.int64, device=splats.device)
    pairs = len(splats)
    if not pairs:
        return chosen
    log_light = torch.log1p(-alphas.double())
    log_after = torch.cumsum(log_light, 0)
    log_before = log_after - log_light  # of all pairs before, other pixels' too

    # From it the sum at each pixel's first pair is taken away.
    is_first = torch.ones_like(pixels, dtype=torch.bool)
    is_first[1:] = pixels[1:] != pixels[:-1]
    covered_pixel = torch.cumsum(is_first, 0) - 1  # [M], counts the pixels that have pairs
    log_at_first = log_before[is_first][covered_pixel]
    light = torch.exp(log_before - log_at_first)
    weights = (alphas * light).float()

    # The first pair among those that have their pixel's largest weight.
    largest = torch.zeros(count, device=splats.device)
    largest.scatter_reduce_(0, pixels, weights, "amax")
    is_largest = weights == largest[pixels]
    leading = torch.nonzero(is_largest)[:, 0]
    first_leading = torch.full((count,), pairs, device=splats.device)
    first_leading.scatter_reduce_(0, pixels[leading], leading, "amin")

    is_covered = first_leading < pairs
    chosen[is_covered] = splats[first_leading[is_covered]]
    return chosen
