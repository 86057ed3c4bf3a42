"""What the renderer makes of bad scenes and strange cameras: a lawful picture or one sentence, never a NaN.

`test_render.py` holds the laws on good input; here every number of a scene and of a camera goes
wrong in turn.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import assert_lawful, assert_same_bits
from sanitized_scenes import NASTY, PARAMETERS

from engine.camera import Camera, View
from engine.errors import ArgumentError, RenderError
from engine.geometry import pose, rotation_about
from engine.kernels.constants import CHUNK_SPLATS
from engine.render import ProxyRender, RenderOptions, frame, memory, rasteriser
from engine.render.rasteriser import render
from engine.splats.record import Splats

AHEAD = pose(np.eye(3), np.zeros(3))  # at the origin, looking along +z
FOCALS_MM = [8, 12, 35, 200, 1200]
some = settings(max_examples=15, deadline=None)
both_filters = pytest.mark.parametrize("antialiased", [False, True])


def look(
    width: int = 48,
    height: int = 32,
    focal_mm: float = 30,
    shift=(0.0, 0.0),
    world_from_camera=AHEAD,
) -> View:
    focal = focal_mm / 36 * width
    return View(
        focal,
        focal,
        width * (0.5 - shift[0]),
        height / 2 + width * shift[1],
        width,
        height,
        world_from_camera,
    )


def crowd(
    positions, scales=0.05, colors=None, opacities=0.8, rotations=(1.0, 0, 0, 0), seed: int = 0
) -> Splats:
    """Splats at `positions` (N, 3); the rest broadcast, random where not given."""
    random = np.random.default_rng(seed)
    count = len(positions)
    return Splats(
        positions=positions,
        scales=np.broadcast_to(
            np.reshape(scales, (-1, 1)) if np.ndim(scales) == 1 else scales, (count, 3)
        ),
        rotations=np.broadcast_to(rotations, (count, 4)),
        opacities=np.broadcast_to(opacities, count),
        colors=random.uniform(0, 1, (count, 3))
        if colors is None
        else np.broadcast_to(colors, (count, 3)),
        confidence=random.uniform(0, 1, count),
        region=random.integers(0, 5, count),
        origin=random.integers(0, 5, count),
    )


def before(view: View, count: int, seed: int, nearest: float = 0.1, farthest: float = 50) -> Splats:
    """Splats inside a view's frustum and a little outside, a pixel to a quarter of the picture in size."""
    random = np.random.default_rng(seed)
    depth = np.exp(random.uniform(np.log(nearest), np.log(farthest), count))
    pixels = random.uniform(-0.2, 1.2, (count, 2)) * (view.width, view.height)
    slopes = (pixels - (view.cx, view.cy)) / (view.fx, view.fy)
    camera = np.concatenate([slopes, np.ones((count, 1))], axis=1) * depth[:, None]
    sizes = (
        np.exp(random.uniform(0, np.log(max(view.width / 4, 2)), (count, 3)))
        * (depth / view.fx)[:, None]
    )
    world = camera @ view.world_from_camera[:3, :3].T + view.position
    splats = crowd(world, seed=seed, opacities=random.uniform(0, 1, count))
    return splats.with_(scales=sizes, rotations=random.normal(size=(count, 4)))


def lawful(splats: Splats, view: View, **options) -> ProxyRender:
    with np.errstate(over="ignore", invalid="ignore"):
        picture = render(splats, view, RenderOptions(photo_position=(0.5, 0.0, 0.0), **options))
    assert_lawful(picture, splats)
    return picture


# ---------------------------------------------------------------- numbers that are none


@both_filters
@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("value", [*NASTY, 1e6, -1e4])
def test_a_whole_scene_of_one_bad_number_is_drawn_or_left_out(name, value, antialiased):
    good = before(look(), 40, 1)
    lawful(
        good.with_(**{name: np.full_like(getattr(good, name), value)}),
        look(),
        antialiased=antialiased,
    )


@both_filters
@some
@given(
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.02, 0.3]),
    focal=st.sampled_from(FOCALS_MM),
)
def test_bad_numbers_among_good_ones_leave_a_lawful_picture(antialiased, seed, share, focal):
    random = np.random.default_rng(seed)
    view = look(focal_mm=focal)
    splats = before(view, 300, seed)
    for name in PARAMETERS:
        values = getattr(splats, name).reshape(-1)
        bad = random.random(values.size) < share
        values[bad] = random.choice(NASTY, bad.sum())
    lawful(splats, view, antialiased=antialiased)


@pytest.mark.parametrize("length", [1e-11, 1e-3, 1.0, 17.0, 1e11])
def test_the_length_of_a_quaternion_does_not_matter(length):
    splats = before(look(), 60, 2)
    unit = splats.rotations / np.linalg.norm(splats.rotations, axis=1, keepdims=True)
    usual, other = (
        lawful(splats.with_(rotations=unit * scale), look()) for scale in (1.0, np.float32(length))
    )
    np.testing.assert_allclose(usual.color, other.color, atol=5e-3)
    assert usual.alpha.any()


@pytest.mark.parametrize("length", [0.0, 1e-20, 1e20])
def test_a_quaternion_without_a_direction_that_float32_knows_is_left_out(length):
    splats = before(look(), 60, 2)
    assert not lawful(
        splats.with_(rotations=splats.rotations * np.float32(length)), look()
    ).alpha.any()


def test_opacity_is_held_to_one_and_what_is_not_positive_is_left_out():
    splats = before(look(), 60, 3)
    opaque = lawful(splats.with_(opacities=np.ones(60)), look())
    assert_same_bits(opaque, lawful(splats.with_(opacities=np.full(60, 7.0)), look()))
    assert opaque.alpha.max() > 0.99
    for opacity in (0.0, -0.5, -np.inf, 0.0039):
        assert not lawful(splats.with_(opacities=np.full(60, opacity)), look()).alpha.any()


@pytest.mark.parametrize("bright", [1e4, -1e4, 1e30, 3.4e38])
def test_colours_of_any_brightness_are_blended_exactly(bright):
    splats = before(look(), 80, 4)
    white, hdr = (
        lawful(splats.with_(colors=np.full((80, 3), value)), look()) for value in (1.0, bright)
    )
    np.testing.assert_allclose(hdr.color, white.color * np.float32(bright), rtol=1e-5)
    assert_same_bits(white, lawful(splats.with_(colors=np.ones((80, 3))), look()))


# ---------------------------------------------------------------- sizes and places


@both_filters
@pytest.mark.parametrize(
    "scale", [(1e6, 1e6, 1e6), (1e6, 1e-9, 1e-9), (1e-9, 1e-9, 1e-9), (1e6, 1e6, 0), (1e-9, 0, 0)]
)
def test_huge_and_tiny_splats(scale, antialiased):
    splats = before(look(), 60, 5, nearest=0.02, farthest=1e4)
    picture = lawful(
        splats.with_(scales=np.broadcast_to(scale, (60, 3))), look(), antialiased=antialiased
    )
    if not antialiased and scale[0] < 1:
        assert picture.alpha.any()  # the low-pass makes dots of them


def test_a_splat_of_no_size_in_the_picture_has_no_light_when_antialiased():
    """Edge-on discs, needles and dots cover no area, and so must not shine."""
    for scale in [
        (1e-9, 1e-9, 1e-9),
        (1.0, 0, 0),
        (1.0, 1e-9, 0),
        (0, 1.0, 1.0),
    ]:  # at the axis the last is edge-on
        assert not lawful(
            crowd([[0, 0, 4.0]], np.array([scale])), look(), antialiased=True
        ).alpha.any()


@both_filters
def test_a_camera_inside_splats(antialiased):
    random = np.random.default_rng(6)
    for scale in (0.01, 1.0, 1e3):
        picture = lawful(
            crowd(random.normal(size=(300, 3)) * scale / 2, scale), look(), antialiased=antialiased
        )
        assert picture.alpha.any()


@both_filters
def test_splats_behind_and_at_the_eye_change_nothing(antialiased):
    random = np.random.default_rng(7)
    good = before(look(), 60, 7)
    behind = random.uniform([-5, -5, -9], [5, 5, 0], (300, 3))
    behind[:50] = 0  # at the eye itself
    behind[50:100, 2] = 0  # in its plane
    behind[100:150, 2] = np.nextafter(np.float32(0.01), np.float32(0))  # a hair too near
    scene = Splats.concatenate([crowd(behind, np.exp(random.uniform(-9, 9, 300))), good])
    assert_same_bits(
        lawful(good, look(), antialiased=antialiased),
        lawful(scene, look(), antialiased=antialiased),
    )


@both_filters
@some
@given(
    seed=st.integers(0, 2**32 - 1),
    focal=st.sampled_from(FOCALS_MM),
    size=st.sampled_from([(48, 32), (33, 17), (9, 70), (1, 1)]),
    shift=st.sampled_from([0.0, 0.5, -3.0, 50.0, 1e5]),
)
def test_long_wide_and_shifted_lenses(antialiased, seed, focal, size, shift):
    random = np.random.default_rng(seed)
    turn = pose(
        rotation_about(random.normal(size=3), random.uniform(0, 3)), random.uniform(-9, 9, 3)
    )
    lens = Camera("lens", turn[:3, 3], np.array([1.0, 0, 0, 0]), focal, shift=(shift, -shift))
    view = lens.moved(turn).view(*size)
    picture = lawful(before(view, 400, seed), view, antialiased=antialiased)
    if abs(shift) < 1 and not antialiased:
        assert picture.alpha.any()


@pytest.mark.parametrize("focal", [1e-30, 1e-6, 1e9, 1e30, 1e300])
@pytest.mark.parametrize("eye", [0.0, 1e9, 1e300])
def test_a_camera_that_float32_cannot_hold_gives_a_lawful_picture(focal, eye):
    view = View(focal, focal, 24, 16, 48, 32, pose(np.eye(3), np.full(3, eye)))
    lawful(before(look(), 100, 8), view)


@pytest.mark.parametrize("photo", [1e18, 1e30, 1e300])
def test_a_photo_from_beyond_float32_gives_a_lawful_picture(photo):
    splats = before(look(), 100, 8)
    picture = render(splats, look(), RenderOptions(photo_position=(photo, 0.0, -photo)))
    assert_lawful(picture, splats)


@pytest.mark.parametrize("near", [0.0, 1e-30, 1e-3, 1e30, 1e300])
def test_any_near_limit_that_is_a_distance(near):
    splats = before(look(), 100, 9, nearest=1e-4)
    picture = lawful(splats, look(), near=near)
    assert picture.alpha.any() == (near < 50)
    if near < 1e-6:
        assert_same_bits(picture, lawful(splats, look(), near=1e-6))


@pytest.mark.parametrize("near", [-1e-9, -1.0, np.nan, np.inf, -np.inf])
def test_a_near_limit_that_is_no_distance_is_one_sentence(near):
    with pytest.raises(ArgumentError, match="near limit"):
        render(before(look(), 10, 9), look(), RenderOptions(near=near))


@pytest.mark.parametrize(
    "size", [(1, 1), (2, 1), (31, 33), (8191, 1), (1, 8191), (8192, 9), (9, 8192), (1023, 769)]
)
def test_pictures_of_any_shape(size):
    view = look(*size)
    picture = lawful(before(view, 300, 10), view)
    assert picture.alpha.shape == size[::-1]
    assert picture.alpha.any()


@pytest.mark.slow
def test_the_largest_promised_picture_has_its_splats_in_its_corners():
    """8192x8192: 2.7 GB of passes. Each corner is what a small window there shows."""
    size, patch = 8192, 64
    view = look(size, size)
    corners = np.array([[x, y] for x in (9.5, size - 9.5) for y in (9.5, size - 9.5)])
    slopes = (corners - size / 2) / view.fx
    splats = crowd(
        np.concatenate([slopes, np.ones((4, 1))], axis=1) * 3, 3 * 5 / view.fx, opacities=0.9
    )
    whole = render(splats, view)
    for x in (0, size - patch):
        for y in (0, size - patch):
            window = View(view.fx, view.fy, view.cx - x, view.cy - y, patch, patch, AHEAD)
            part = render(splats, window)
            assert_lawful(part, splats)
            inside = np.s_[y : y + patch, x : x + patch]
            np.testing.assert_allclose(whole.color[inside], part.color, atol=2e-3)
            np.testing.assert_array_equal(
                np.isfinite(whole.depth[inside]), whole.alpha[inside] >= np.float32(1 / 255)
            )
            assert part.alpha.max() > 0.85
    assert np.count_nonzero(whole.alpha) < 4 * patch * patch
    assert (whole.region == -1).sum() == np.count_nonzero(whole.alpha < np.float32(1 / 255))


# ---------------------------------------------------------------- crowds


def test_of_equally_deep_splats_the_earlier_row_lies_in_front():
    """Also where the rows are in different chunks and pieces of work."""
    count = 5000
    far = crowd(
        np.tile([0, 0, 9.0], (count, 1)), 20, colors=(0, 0, 1), opacities=0.003
    )  # too faint to be drawn
    for first, last in ((0, count - 1), (300, 301), (17, 4000)):
        opacities, colors = far.opacities.copy(), far.colors.copy()
        opacities[[first, last]] = 0.6
        colors[[first, last]] = [[1, 0, 0], [0, 1, 0]]
        scene = far.with_(opacities=opacities, colors=colors)
        for threads in (1, 3):
            centre = lawful(scene, look(), threads=threads).color[16, 24]
            np.testing.assert_allclose(centre, [0.6, 0.4 * 0.6, 0], atol=5e-3)


@pytest.mark.parametrize(("opacity", "tied"), [(0.9, True), (0.005, True), (0.005, False)])
def test_a_hundred_thousand_splats_on_one_pixel(opacity, tied):
    count = 100_000
    depth = np.full(count, 4.0) if tied else np.linspace(9, 4, count)
    slope = 0.5 / look().fx
    positions = np.stack(
        [depth * slope, depth * slope, depth], axis=1
    )  # the centre of pixel 24, 16
    picture = lawful(crowd(positions, 1e-3, colors=(1, 1, 1), opacities=opacity), look())
    layers = (
        np.ceil(np.log(1e-4) / np.log1p(-opacity)) - 1
    )  # before less than 1e-4 of the light is left
    assert picture.alpha[16, 24] == pytest.approx(1 - (1 - opacity) ** layers, abs=2e-4)
    if not tied:
        assert 4 < picture.depth[16, 24] < 4.5  # the nearest ones, though they come last


# ---------------------------------------------------------------- culling


def uncut(splats: Splats, view: View, options: RenderOptions) -> ProxyRender:
    """The picture with no chunk culled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            frame, "visible_chunks", lambda bounds, *_: np.arange(len(bounds.radii), dtype=np.int32)
        )
        return render(splats, view, options)


def alone_in_chunks(splats: Splats) -> Splats:
    """Each splat the only one of its chunk that shows, so that its bounds are as tight as can be."""
    rows = np.repeat(np.arange(len(splats)), CHUNK_SPLATS)
    shown = np.arange(len(rows)) % CHUNK_SPLATS == 0
    return splats.select(rows).with_(opacities=np.where(shown, splats.opacities[rows], 0))


def on_the_edge(view: View, count: int, random: np.random.Generator) -> Splats:
    """Round splats beyond an edge of the picture, by so much that the faintest of them just reaches it or just not."""
    depth = np.exp(random.uniform(np.log(0.02), np.log(500), count))
    sigma = np.exp(random.uniform(np.log(1e-3), np.log(2 * view.width), count))  # pixels
    reach = np.sqrt(sigma**2 + 0.3) * np.sqrt(2 * np.log(255)) * random.uniform(0.9, 1.02, count)
    size = np.array([view.width, view.height])
    pixels = random.uniform(0, 1, (count, 2)) * size
    axis, high = random.integers(0, 2, count), random.integers(0, 2, count)
    pixels[np.arange(count), axis] = np.where(high, size[axis] + reach - 0.5, 0.5 - reach)
    slopes = (pixels - (view.cx, view.cy)) / (view.fx, view.fy)
    camera = np.concatenate([slopes, np.ones((count, 1))], axis=1) * depth[:, None]
    world = camera @ view.world_from_camera[:3, :3].T + view.position
    return crowd(world, sigma * depth / view.fx, opacities=random.choice([1.0, 0.99, 0.3], count))


def somewhere(
    random: np.random.Generator, size: tuple[int, int], away: float, shift: float, focal: float
) -> View:
    turn = pose(
        rotation_about(random.normal(size=3), random.uniform(0, 3)), random.uniform(-1, 1, 3) * away
    )
    return look(*size, focal, random.uniform(-1, 1, 2) * shift, turn)


sizes = st.sampled_from([(40, 24), (33, 17), (9, 70), (128, 64)])
seeds = st.integers(0, 2**32 - 1)
CULLING = settings(max_examples=40, deadline=None)


@CULLING
@given(
    seed=seeds,
    size=sizes,
    focal=st.sampled_from(FOCALS_MM),
    away=st.sampled_from([1.0, 1e4, 1e6]),
    shift=st.sampled_from([0.0, 2.0, 1e5]),
)
def test_culling_drops_no_splat_that_reaches_over_the_edge(seed, size, focal, away, shift):
    random = np.random.default_rng(seed)
    view = somewhere(random, size, away, shift, focal)
    scene, options = (
        alone_in_chunks(on_the_edge(view, 20, random)),
        RenderOptions(antialiased=bool(seed % 2)),
    )
    assert_same_bits(uncut(scene, view, options), render(scene, view, options))


@CULLING
@given(seed=seeds, away=st.sampled_from([0.0, 1.0, 1e3]), near=st.sampled_from([0.01, 0.1, 7.0]))
def test_culling_drops_no_splat_at_the_near_limit(seed, away, near):
    random = np.random.default_rng(seed)
    view = somewhere(random, (40, 24), away, 0, 30)
    depth = near * (1 + random.integers(-3, 4, 30) * 6e-8)  # a few float32 steps around it
    slopes = (random.uniform(0, 1, (30, 2)) * (40, 24) - (20, 12)) / view.fx
    camera = np.concatenate([slopes, np.ones((30, 1))], axis=1) * depth[:, None]
    scene = alone_in_chunks(
        crowd(camera @ view.world_from_camera[:3, :3].T + view.position, near / 20)
    )
    options = RenderOptions(near=near)
    assert_same_bits(uncut(scene, view, options), render(scene, view, options))


@CULLING
@given(
    seed=seeds,
    size=sizes,
    focal=st.sampled_from(FOCALS_MM),
    spread=st.sampled_from([0.0, 1e-3, 1.0]),
    away=st.sampled_from([1.0, 1e6]),
)
def test_culling_drops_no_chunk_that_shows(seed, size, focal, spread, away):
    """Clusters of a chunk's size around the picture's edges, of all extents."""
    random = np.random.default_rng(seed)
    view = somewhere(random, size, away, random.choice([0, 1]), focal)
    centres = before(view, 12, seed, nearest=0.005)
    depth = (centres.positions - view.position) @ view.world_from_camera[:3, 2]
    rows = np.repeat(np.arange(12), 256)
    moved = (
        centres.positions[rows]
        + random.normal(size=(len(rows), 3)) * (spread * np.abs(depth[rows]))[:, None]
    )
    scene = centres.select(rows).with_(positions=moved)
    options = RenderOptions(antialiased=bool(seed % 2), threads=2)
    assert_same_bits(uncut(scene, view, options), render(scene, view, options))


def test_culling_leaves_out_what_is_far_beside_the_picture():
    """It does cull: of a ring of clusters around the camera few are looked at."""
    angle = np.linspace(0, 2 * np.pi, 64, endpoint=False).repeat(256)
    ring = crowd(np.stack([np.sin(angle), 0 * angle, np.cos(angle)], axis=1) * 5, 0.02)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        real = frame.visible_chunks
        patch.setattr(frame, "visible_chunks", lambda *known: seen.append(real(*known)) or seen[-1])
        assert render(ring, look(), RenderOptions()).alpha.any()
    assert 8 <= len(seen[0]) <= 20


# ---------------------------------------------------------------- memory

TOO_LITTLE = """
import resource, sys
import numpy as np
sys.path[:0] = {paths!r}
from engine.errors import RenderError
from engine.render import RenderOptions
from engine.render.rasteriser import render
from test_render_hostile import crowd, look
splats = crowd(np.tile([0, 0, 4.0], ({count}, 1)))
resource.setrlimit(resource.RLIMIT_AS, ({megabytes} << 20,) * 2)
try:
    render(splats, look({width}, {height}), RenderOptions(threads=2))
except RenderError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a process to so much memory")
@pytest.mark.parametrize(
    ("count", "size", "megabytes"),
    [(10, (8192, 8192), 1500), (3_000_000, (64, 64), 700)],
    ids=["picture", "splats"],
)
def test_more_than_fits_in_memory_is_one_sentence(count, size, megabytes):
    here = Path(__file__).resolve().parent
    paths = [str(here.parents[1]), str(here)]
    code = TOO_LITTLE.format(
        paths=paths, count=count, megabytes=megabytes, width=size[0], height=size[1]
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert "does not fit into the memory" in result.stdout
    assert result.stdout.count("\n") == 1


def test_memory_is_asked_for_before_it_is_taken(monkeypatch):
    """Where the system grants what it does not have, and kills who uses it."""
    monkeypatch.setattr(memory, "available", lambda: 10**6)
    scene = before(look(), 10, 1)
    render(scene, look())
    for splats, view in ((scene, look(400, 400)), (crowd(np.zeros((20_000, 3))), look())):
        with pytest.raises(RenderError, match=r"0\.0 GB of"):
            render(splats, view)


def test_memory_that_runs_out_within_a_frame_is_one_sentence(monkeypatch):
    def greedy(*_):
        return np.empty(1 << 60, np.uint8)

    monkeypatch.setattr(memory, "available", lambda: None)
    monkeypatch.setattr(rasteriser, "blend", greedy)
    with pytest.raises(RenderError, match="does not fit"):
        render(before(look(), 10, 1), look())


def test_the_memory_that_is_left_is_less_than_there_is():
    left = memory.available()
    assert left is None or 1 << 24 < left < 1 << 46


def test_a_containers_limit_counts(monkeypatch, tmp_path):
    names = ("limit", "usage", "stat")
    for name, content in zip(
        names, ("5000000\n", "2000000\n", "cache 7\ninactive_file 500000\n"), strict=True
    ):
        (tmp_path / name).write_text(content)
    files = memory.Cgroup(*(str(tmp_path / name) for name in names), "inactive_file")
    assert memory._cgroup(files) == 3_500_000
    (tmp_path / "limit").write_text("max\n")
    assert memory._cgroup(files) is None
    assert memory._cgroup(memory.Cgroup("no", "such", "file", "")) is None
