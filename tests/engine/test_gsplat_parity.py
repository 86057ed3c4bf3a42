"""Our projection, tiles and harmonics against gsplat 1.5.3's own PyTorch twins and the constants of its CUDA sources."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from test_render_twin import camera, scene

from engine.camera import View
from engine.formats.encoding import SH_DEGREE_0
from engine.kernels import rasterise, twin
from engine.render import RenderOptions
from engine.render.frame import Frame, project
from engine.render.harmonics import seen_colors
from engine.render.prepared import prepared
from engine.splats.record import Splats

torch = pytest.importorskip("torch", reason="PyTorch is not installed: gsplat's twins cannot run")
gsplat = pytest.importorskip("gsplat", reason="gsplat is not installed: nothing to compare with")
impl = pytest.importorskip("gsplat.cuda._torch_impl")

SEEDS = range(6)
HALF_LOG2E = 0.5 * np.log2(np.e)  # exp(-s / 2) = 2^(-s HALF_LOG2E)
SIGMAS = 3.33  # gsplat's largest extent of a splat
GSPLAT_TILE = 16
SLACK_PX = 0.002  # by which our boxes are widened, for what float32 does to pixels


def made(seed: int, count: int = 300) -> tuple[Splats, View]:
    random = np.random.default_rng(seed)
    return scene(random, count, [0.05, 0.3, 1.0][seed % 3]), camera(random, 150, 90)


def ours(
    splats: Splats, view: View, antialiased: bool = False
) -> tuple[Frame, np.ndarray, np.ndarray]:
    """The frame, its records, and the splat of each."""
    options = RenderOptions(threads=2, antialiased=antialiased)
    with ThreadPoolExecutor(2) as pool:
        frame = project(prepared(splats, pool, None), view, options, pool, None)
    starts = [piece.start * rasterise.CHUNK_SPLATS for piece in frame.pieces]
    records = np.concatenate(
        [frame.records[a : a + n] for a, n in zip(starts, frame.visible, strict=True)]
    )
    return frame, records, records["splat"].astype(int)


def theirs(splats: Splats, view: View, antialiased: bool = False) -> dict[str, np.ndarray]:
    """gsplat's projection in float64, and the radii its CUDA kernel has: no larger than where the opacity is 1/255."""

    def double(array):
        return torch.tensor(np.asarray(array, float))

    covariances, _ = impl._quat_scale_to_covar_preci(
        double(splats.rotations), double(splats.scales), True, False
    )
    arguments = (
        double(splats.positions),
        covariances,
        double(view.camera_from_world)[None],
        double(view.intrinsics)[None],
    )
    names = ("radii", "centres", "depths", "conics", "compensations")
    results = impl._fully_fused_projection(
        *arguments, view.width, view.height, calc_compensations=antialiased
    )
    flat = {
        name: None if value is None else value[0].numpy()
        for name, value in zip(names, results, strict=True)
    }
    opacities = splats.opacities * (flat["compensations"] if antialiased else 1.0)
    a, b, c = flat["conics"].T
    variances = np.stack([c, a], axis=1) / (a * c - b * b)[:, None]
    extent = np.minimum(SIGMAS, np.sqrt(2 * np.log(np.maximum(255 * opacities, 1))))
    radii = np.ceil(extent[:, None] * np.sqrt(variances))
    shown = (flat["radii"] > 0).all(axis=1) & (opacities >= 1 / 255)
    return flat | {
        "opacities": opacities,
        "tight": np.where(shown[:, None], radii, 0),
        "shown": shown,
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_covariances_are_equal(seed):
    splats, _ = made(seed)
    theirs_, _ = impl._quat_scale_to_covar_preci(
        torch.tensor(splats.rotations), torch.tensor(splats.scales), True, False
    )
    with ThreadPoolExecutor(1) as pool:
        blocks = prepared(splats, pool, None).blocks
    shapes = blocks[:, 3:12].transpose(0, 2, 1).reshape(-1, 3, 3)[: len(splats)]
    drawn = splats.opacities >= 1 / 255
    covariances = (shapes @ shapes.transpose(0, 2, 1))[drawn]
    size = np.abs(covariances).max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(covariances / size, theirs_.numpy()[drawn] / size, atol=2e-6)


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_centres_depths_conics_and_opacities_are_equal(seed, antialiased):
    splats, view = made(seed)
    _, records, rows = ours(splats, view, antialiased)
    flat = theirs(splats, view, antialiased)
    assert len(rows) > 20
    np.testing.assert_allclose(records["depth"], flat["depths"][rows], rtol=2e-6, atol=1e-6)
    centres = np.stack([records["x"], records["y"]], axis=1)
    reach = 1 + np.abs(flat["centres"][rows])
    np.testing.assert_allclose(centres / reach, flat["centres"][rows] / reach, atol=2e-5)
    p, q, r = (records[name].astype(float) for name in "pqr")
    conics = np.stack([p * p, p * q, q * q + r * r], axis=1) / HALF_LOG2E
    scale = np.abs(flat["conics"][rows]).max(axis=1, keepdims=True)
    np.testing.assert_allclose(conics / scale, flat["conics"][rows] / scale, atol=2e-4)
    np.testing.assert_allclose(
        np.exp2(records["log_opacity"]), flat["opacities"][rows], rtol=2e-3 if antialiased else 1e-6
    )


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_what_we_keep_gsplat_keeps_and_what_we_leave_out_does_not_show(seed, antialiased):
    """A bound one way, equality of pictures the other: our boxes are exact, gsplat's rounded up to whole pixels."""
    splats, view = made(seed)
    _, _, rows = ours(splats, view, antialiased)
    flat = theirs(splats, view, antialiased)
    assert flat["shown"][rows].all()
    left_out = np.setdiff1d(np.flatnonzero(flat["shown"]), rows)
    assert (dense_opacity(flat, left_out, view) < 1.001 / 255).all()


def dense_opacity(flat, rows, view) -> np.ndarray:
    """(M, H, W) the opacity of these splats in every pixel."""
    y, x = np.mgrid[: view.height, : view.width] + 0.5
    dx, dy = (np.stack([x, y]) - flat["centres"][rows][..., None, None]).transpose(1, 0, 2, 3)
    a, b, c = flat["conics"][rows].T[..., None, None]
    return flat["opacities"][rows, None, None] * np.exp(
        -0.5 * (a * dx * dx + c * dy * dy) - b * dx * dy
    )


def gsplat_tiles(flat, view) -> tuple[np.ndarray, np.ndarray]:
    """(N, tiles down, tiles across) bool of gsplat's 16 pixel tiles, and its count of each splat's."""
    across, down = -(-view.width // GSPLAT_TILE), -(-view.height // GSPLAT_TILE)
    centres, radii = (
        torch.tensor(np.nan_to_num(flat["centres"]))[None],
        torch.tensor(flat["tight"])[None],
    )
    counts, ids, splats = impl._isect_tiles(
        centres, radii, torch.tensor(flat["depths"])[None].float(), GSPLAT_TILE, across, down
    )
    tiles = ((ids >> 32) & ((1 << (across * down).bit_length()) - 1)).numpy()
    touched = np.zeros((len(flat["depths"]), across * down), bool)
    touched[splats.numpy(), tiles] = True
    return touched.reshape(-1, down, across), counts[0].numpy()


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_our_tiles_lie_within_gsplats(seed, antialiased):
    """Both take the rectangle of tiles that a splat's box touches.

    Ours is the box of pixels whose centres the splat reaches, gsplat's the same radius rounded up
    to whole pixels about the centre. So the 16 pixel tiles of our box are a subset of gsplat's (a
    bound); each of our 32 x 16 tiles is a pair of those (an equality); and a tile of gsplat's that
    is not ours has no pixel where the splat shows.
    """
    splats, view = made(seed)
    frame, records, rows = ours(splats, view, antialiased)
    flat = theirs(splats, view, antialiased)
    touched, counts = gsplat_tiles(flat, view)
    assert counts.sum() == touched.sum()
    our_tiles = np.zeros_like(touched)
    wide = np.zeros(
        (
            len(records),
            -(-view.height // rasterise.TILE_HEIGHT),
            -(-view.width // rasterise.TILE_WIDTH),
        ),
        int,
    )
    for i, record in enumerate(records):
        rectangle = [int(record[name]) for name in ("left", "right", "top", "bottom")]
        our_tiles[rows[i]][_tiles(rectangle, GSPLAT_TILE, GSPLAT_TILE)] = True
        wide[i][_tiles(rectangle, rasterise.TILE_WIDTH, rasterise.TILE_HEIGHT)] = 1
    assert not (our_tiles & ~touched).any()
    np.testing.assert_array_equal(
        frame.counts.sum(axis=0).reshape(wide.shape[1:]), wide.sum(axis=0)
    )
    if (rasterise.TILE_WIDTH, rasterise.TILE_HEIGHT) == (2 * GSPLAT_TILE, GSPLAT_TILE):
        halves = our_tiles[rows]
        halves = np.pad(halves, ((0, 0), (0, 0), (0, halves.shape[2] % 2))).reshape(*wide.shape, 2)
        np.testing.assert_array_equal(halves.any(axis=3), wide)
    opacity = dense_opacity(flat, np.arange(len(splats)), view)
    padded = np.zeros((len(splats), touched.shape[1] * GSPLAT_TILE, touched.shape[2] * GSPLAT_TILE))
    padded[:, : view.height, : view.width] = np.where(flat["shown"][:, None, None], opacity, 0)
    most = padded.reshape(
        len(splats), touched.shape[1], GSPLAT_TILE, touched.shape[2], GSPLAT_TILE
    ).max(axis=(2, 4))
    assert most[touched & ~our_tiles].max(initial=0) < 1.001 / 255


def _tiles(rectangle: list[int], width: int, height: int) -> tuple[slice, slice]:
    left, right, top, bottom = rectangle
    return slice(top // height, (bottom - 1) // height + 1), slice(
        left // width, (right - 1) // width + 1
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_boxes_are_gsplats_radii_but_for_rounding(seed):
    splats, view = made(seed)
    _, records, rows = ours(splats, view)
    flat = theirs(splats, view)
    for low, high, axis, size in (
        ("left", "right", 0, view.width),
        ("top", "bottom", 1, view.height),
    ):
        centre, radius = flat["centres"][rows, axis], flat["tight"][rows, axis]
        inside = (centre - radius > 1) & (centre + radius < size - 1)
        width = records[high].astype(int) - records[low]
        assert (width[inside] <= 2 * radius[inside] + 1).all()
        assert (width[inside] >= 2 * radius[inside] - 3).all()
        assert inside.any()


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_colours_are_gsplats(seed, degree):
    """Band 0 of 3DGS is our base colour; degree 0 is a splat without harmonics."""
    splats, view = made(seed)
    random = np.random.default_rng(seed)
    coefficients = random.normal(0, 0.4, (len(splats), (degree + 1) ** 2, 3)).astype(np.float32)
    base = (0.5 + SH_DEGREE_0 * coefficients[:, 0]).astype(np.float32)
    shaded = splats.with_(colors=base, sh=coefficients[:, 1:] if degree else None)
    frame, _, rows = ours(shaded, view)
    with ThreadPoolExecutor(2) as pool:
        colors = seen_colors(shaded, frame, pool, None)[rows]
    directions = torch.tensor(splats.positions - view.position.astype(np.float32))
    expected = (
        impl._spherical_harmonics(degree, directions, torch.tensor(coefficients)) + 0.5
    ).numpy()[rows]
    np.testing.assert_allclose(
        colors, expected if degree == 0 else np.maximum(expected, 0), atol=3e-6
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_the_basis_is_gsplats(seed):
    directions = np.random.default_rng(seed).normal(size=(50, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    expected = impl._eval_sh_bases_fast(16, torch.tensor(directions)).numpy()
    assert np.allclose(expected[:, 0], SH_DEGREE_0)
    np.testing.assert_allclose(twin.sh_basis(directions), expected[:, 1:], atol=1e-12)


def test_the_constants_are_those_of_the_cuda_sources():
    folder = Path(gsplat.__file__).parent / "cuda"
    assert "ALPHA_THRESHOLD (1.f / 255.f)" in (folder / "include" / "Common.h").read_text()
    projection = (folder / "csrc" / "ProjectionEWA3DGSFused.cu").read_text()
    assert f"extend = {SIGMAS}f" in projection
    for name in ("RasterizeToPixels3DGSFwd.cu", "RasterizeToIndices3DGS.cu"):
        source = (folder / "csrc" / name).read_text()
        assert f"min({twin.MAX_ALPHA}f, opac" in source
        assert re.search(r"if \(next_\w+ <= 1e-4f?\)", source)
    assert twin.MIN_LIGHT == 1e-4
    assert twin.NOTHING_ALPHA == 1 / 255
