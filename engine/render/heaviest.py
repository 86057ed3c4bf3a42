"""Which splat weighs most in each pixel, from gsplat's intermediate results: ids are exact, never blended.

gsplat's `rasterize_to_indices_in_range` lists the pairs of splat and pixel, each pixel's front to back, with its own stop
rule. One call must see a pixel's whole depth, because a call does not tell the next which pixels are finished; so the
picture is done in strips of whole tile rows, few enough that their pairs fit into memory.
"""

from typing import Any

import gsplat
import torch
from torch import Tensor

from ..kernels.constants import MAX_ALPHA
from ..progress import Progress

MAX_PAIRS = (
    1 << 25
)  # that a strip may have at most, about 100 bytes each; few pictures have a tenth of what they may have
WHOLE_DEPTH = 2**31 - 1  # batches of splats; all there are


def heaviest(meta: dict[str, Any], progress: Progress | None = None) -> Tensor:
    """The row of the splat with the largest weight in each pixel; of equal ones the front-most; -1 where there is none.

    Args:
        meta: of `gsplat.rasterization` with one camera and packed=False.
        progress: asked before each strip.

    Returns:
        (H, W) int64.

    Raises:
        Cancelled: through `progress`.
    """
    tile, last, offsets = meta["tile_size"], len(meta["flatten_ids"]), meta["isect_offsets"][0]
    ends = [*offsets[1:, 0].tolist(), last]
    strips = []
    for rows in _strips(offsets[:, 0].tolist(), ends, tile * tile):
        if progress is not None:
            progress.check()
        top, bottom = rows.start * tile, min(rows.stop * tile, meta["height"])
        strips.append(
            _strip(meta, offsets[rows.start : rows.stop], ends[rows.stop - 1], top, bottom)
        )
    return torch.cat(strips)


def _strips(starts: list[int], ends: list[int], pixels: int) -> list[range]:
    """Tile rows cut so that no strip may have more than MAX_PAIRS pairs, unless a single row may."""
    strips, first = [], 0
    for row in range(1, len(starts) + 1):
        if row == len(starts) or (ends[row] - starts[first]) * pixels > MAX_PAIRS:
            strips.append(range(first, row))
            first = row
    return strips


def _strip(meta: dict[str, Any], offsets: Tensor, last: int, top: int, bottom: int) -> Tensor:
    """Rows [top, bottom) of the picture; `offsets` are those of its tiles, and `last` ends its entries."""
    width, height = meta["width"], bottom - top
    centres = meta["means2d"] - torch.tensor([0.0, top], device=offsets.device)
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
    alphas = _alphas(splats, pixels, centres[0], meta["conics"][0], meta["opacities"][0], width)
    return heaviest_of(splats, pixels, alphas, height * width).reshape(height, width)


def _alphas(
    splats: Tensor, pixels: Tensor, centres: Tensor, conics: Tensor, opacities: Tensor, width: int
) -> Tensor:
    """(M,) the opacity of each pair's splat in its pixel."""
    dx = centres[splats, 0] - (pixels % width + 0.5)
    dy = centres[splats, 1] - (pixels // width + 0.5)
    a, b, c = conics[splats].unbind(1)
    return (opacities[splats] * torch.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)).clamp(
        max=MAX_ALPHA
    )


def heaviest_of(splats: Tensor, pixels: Tensor, alphas: Tensor, count: int) -> Tensor:
    """The splat with the largest weight of each pixel, of equal ones the first; -1 where there is none.

    A weight is alpha times the light that the pixel's earlier pairs let through: a sum of logarithms, in float64 because it
    runs over all pixels of a strip.

    Args:
        splats: (M,) int64.
        pixels: (M,) int64 below `count`, ascending, each pixel's pairs front to back.
        alphas: (M,) below 1.
        count: of pixels.

    Returns:
        (count,) int64.
    """
    chosen = torch.full((count,), -1, dtype=torch.int64, device=splats.device)
    if not len(splats):
        return chosen
    logs = torch.log1p(-alphas.double())
    before = torch.cumsum(logs, 0) - logs
    first = torch.ones_like(pixels, dtype=torch.bool)
    first[1:] = pixels[1:] != pixels[:-1]
    here = torch.cumsum(first, 0) - 1
    weights = (alphas * torch.exp(before - before[first][here])).float()
    most = torch.zeros(count, device=splats.device).scatter_reduce_(0, pixels, weights, "amax")
    leading = torch.nonzero(weights == most[pixels])[:, 0]
    pair = torch.full((count,), len(splats), device=splats.device).scatter_reduce_(
        0, pixels[leading], leading, "amin"
    )
    there = pair < len(splats)
    chosen[there] = splats[pair[there]]
    return chosen
