"""The peer: Gaussian splats rasterised in plain PyTorch, tile by tile in batches, as one would write it without kernels.

The formulas are Kerbl et al. 2023 with gsplat 1.5.3's constants, so that the picture is the
engine's. Gradients come from autograd; `render` does without them.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from engine.camera import View
from engine.kernels.constants import FRUSTUM_MARGIN, LOW_PASS, MAX_ALPHA, MIN_LIGHT
from engine.kernels.constants import NOTHING_ALPHA as MIN_ALPHA
from engine.splats.record import Splats

TILE = 8  # pixels a side; of 4, 8 and 16 the fastest on the scenes of this benchmark, 100 k to 3 M splats
BATCH = 1 << 19  # alphas at a time, which stay in the cache; 1 << 18 and 1 << 20 are slower


def tensors(splats: Splats, device: str = "cpu") -> list[Tensor]:
    """Positions, scales, rotations, opacities and colours, float32."""
    arrays = splats.positions, splats.scales, splats.rotations, splats.opacities, splats.colors
    return [torch.from_numpy(array).to(device) for array in arrays]


@torch.no_grad()
def render(parameters: list[Tensor], view: View) -> tuple[Tensor, Tensor, Tensor]:
    """`rasterise` without gradients."""
    return rasterise(*parameters, view)


def rasterise(
    means: Tensor,
    scales: Tensor,
    rotations: Tensor,
    opacities: Tensor,
    colors: Tensor,
    view: View,
    near: float = 0.01,
    antialiased: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Colour, expected depth and alpha of a view.

    Args:
        means: (N, 3) metres, world.
        scales: (N, 3) standard deviations in metres.
        rotations: (N, 4) w x y z, of any length.
        opacities: (N,) 0 to 1.
        colors: (N, 3) sRGB-encoded.
        view: the camera.
        near: metres; splats nearer than this are not drawn.
        antialiased: make a splat fainter by as much as the low-pass filter makes it wider.

    Returns:
        (H, W, 3) premultiplied by alpha; (H, W) planar depth in metres, inf where there is nothing;
        (H, W).
    """
    centres, conics, faded, depths, reaches = project(
        means, scales, rotations, opacities, view, near, antialiased
    )
    splats, starts, across = _intersect(centres.detach(), reaches.detach(), depths.detach(), view)
    values = torch.cat([colors, depths[:, None], torch.ones_like(depths)[:, None]], dim=1)
    tiles = len(starts) - 1
    drawn = [(torch.zeros(tiles, TILE * TILE, values.shape[1]), torch.arange(tiles))]
    for chosen, rows in _batches(splats, starts):
        picture = _blend(
            chosen, rows >= 0, rows.clamp(min=0), centres, conics, faded, values, across
        )
        drawn.append((picture, chosen))
    return _assemble(drawn, across, view)


def project(
    means: Tensor,
    scales: Tensor,
    rotations: Tensor,
    opacities: Tensor,
    view: View,
    near: float,
    antialiased: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Centres (N, 2), conics (N, 3), opacities (N,), depths (N,) and reaches (N, 2) in pixels, 0 for what is not drawn."""
    pose = torch.tensor(view.camera_from_world, dtype=means.dtype)
    focal, centre, size = (
        torch.tensor(pair, dtype=means.dtype)
        for pair in (
            (view.fx, view.fy),
            (view.cx, view.cy),
            (float(view.width), float(view.height)),
        )
    )
    camera = means @ pose[:3, :3].T + pose[:3, 3]
    depths = camera[:, 2]
    seen = depths >= near
    safe = torch.where(seen, depths, torch.ones_like(depths))
    slopes = camera[:, :2] / safe[:, None]
    margin = FRUSTUM_MARGIN * 0.5 * size / focal
    held = torch.minimum(
        torch.maximum(slopes, -centre / focal - margin), (size - centre) / focal + margin
    )
    shape = pose[:3, :3] @ _matrices(rotations) * scales[:, None, :]
    spread = (shape[:, :2] - held[..., None] * shape[:, 2:]) * (focal / safe[:, None])[..., None]
    sharp = spread @ spread.transpose(1, 2)
    covariance = sharp + LOW_PASS * torch.eye(2, dtype=means.dtype)
    a, b, c = covariance[:, 0, 0], covariance[:, 0, 1], covariance[:, 1, 1]
    determinant = a * c - b * b
    if antialiased:
        before = sharp[:, 0, 0] * sharp[:, 1, 1] - sharp[:, 0, 1] ** 2
        opacities = opacities * (before / determinant).clamp(min=1e-12).sqrt()
    conics = torch.stack([c, -b, a], dim=1) / determinant[:, None]
    extent = (2 * (opacities.clamp(min=MIN_ALPHA) / MIN_ALPHA).log()).sqrt()
    reaches = extent[:, None] * torch.stack([a, c], dim=1).sqrt()
    drawn = seen & (opacities >= MIN_ALPHA)
    return (
        slopes * focal + centre,
        conics,
        opacities,
        depths,
        torch.where(drawn[:, None], reaches, torch.zeros_like(reaches)),
    )


def _matrices(rotations: Tensor) -> Tensor:
    """(N, 3, 3) of quaternions."""
    w, x, y, z = functional.normalize(rotations, dim=1).unbind(1)
    rows = [
        1 - 2 * (y * y + z * z),
        2 * (x * y - w * z),
        2 * (x * z + w * y),
        2 * (x * y + w * z),
        1 - 2 * (x * x + z * z),
        2 * (y * z - w * x),
        2 * (x * z - w * y),
        2 * (y * z + w * x),
        1 - 2 * (x * x + y * y),
    ]
    return torch.stack(rows, dim=1).reshape(-1, 3, 3)


@torch.no_grad()
def _intersect(
    centres: Tensor, reaches: Tensor, depths: Tensor, view: View
) -> tuple[Tensor, Tensor, int]:
    """Rows of splats, tile after tile and front to back in each; where each tile begins; and the tiles in a row."""
    across, down = -(-view.width // TILE), -(-view.height // TILE)
    limit = torch.tensor([across, down])
    low = ((centres - reaches) / TILE).floor().clamp(min=-1e6, max=1e6).long().clamp(min=0)
    high = torch.minimum(
        ((centres + reaches) / TILE).floor().clamp(min=-1e6, max=1e6).long() + 1, limit
    )
    extent = (high - low).clamp(min=0) * (reaches > 0)
    order = torch.sort(depths, stable=True).indices
    counts = extent.prod(dim=1)[order]
    splats = order.repeat_interleave(counts)
    number = torch.arange(len(splats)) - (counts.cumsum(0) - counts).repeat_interleave(counts)
    wide = extent[splats, 0]
    tile = (low[splats, 1] + number // wide) * across + low[splats, 0] + number % wide
    tile, place = torch.sort(tile, stable=True)
    starts = torch.searchsorted(tile, torch.arange(across * down + 1))
    return splats[place], starts, across


def _batches(splats: Tensor, starts: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Tiles of about one depth of splats, so that little is padded: their numbers (B,) and rows (B, L), -1 behind the last."""
    counts = starts.diff()
    order = torch.argsort(counts)
    order = order[counts[order] > 0]
    last = len(order)
    while last:
        deepest = int(counts[order[last - 1]])
        first = max(0, last - max(1, BATCH // (deepest * TILE * TILE)))
        chosen = order[first:last]
        place = torch.arange(deepest)
        inside = place < counts[chosen][:, None]
        rows = splats[(starts[chosen][:, None] + place).clamp(max=len(splats) - 1)]
        yield chosen, torch.where(inside, rows, -1)
        last = first


def _blend(
    tiles: Tensor,
    inside: Tensor,
    rows: Tensor,
    centres: Tensor,
    conics: Tensor,
    opacities: Tensor,
    values: Tensor,
    across: int,
) -> Tensor:
    """(B, pixels, C) sums of the values by weight."""
    pixels = torch.arange(TILE * TILE)
    x = (tiles % across * TILE)[:, None] + pixels % TILE + 0.5
    y = (tiles // across * TILE)[:, None] + pixels // TILE + 0.5
    dx = x[:, :, None] - centres[rows, 0][:, None]
    dy = y[:, :, None] - centres[rows, 1][:, None]
    a, b, c = (conics[rows, i][:, None] for i in range(3))
    faded = torch.where(inside, opacities[rows], torch.zeros(()))[:, None]
    alpha = (faded * torch.exp(-0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy)).clamp(
        max=MAX_ALPHA
    )
    alpha = torch.where(alpha >= MIN_ALPHA, alpha, torch.zeros(()))
    left = torch.cumprod(1 - alpha, dim=2)
    before = functional.pad(left[..., :-1], (1, 0), value=1.0)
    weight = torch.where(left > MIN_LIGHT, alpha * before, torch.zeros(()))
    return weight @ values[rows]


def _assemble(
    drawn: list[tuple[Tensor, Tensor]], across: int, view: View
) -> tuple[Tensor, Tensor, Tensor]:
    """The passes from tiles (B, pixels, 5) and their numbers, later ones in place of earlier."""
    empty, _ = drawn[0]
    down = len(empty) // across
    if len(drawn) > 1:
        empty = empty.index_copy(
            0,
            torch.cat([chosen for _, chosen in drawn[1:]]),
            torch.cat([tile for tile, _ in drawn[1:]]),
        )
    picture = (
        empty.reshape(down, across, TILE, TILE, -1)
        .transpose(1, 2)
        .reshape(down * TILE, across * TILE, -1)
    )
    picture = picture[: view.height, : view.width]
    alpha = picture[..., 4]
    there = alpha >= MIN_ALPHA
    depth = torch.where(
        there, picture[..., 3] / alpha.clamp(min=MIN_ALPHA), torch.full_like(alpha, torch.inf)
    )
    return picture[..., :3], depth, alpha
