"""Laws of the renderer, held for the kernels and for their NumPy twin alike."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.camera import View
from engine.errors import ArgumentError, Cancelled
from engine.geometry import (
    LOOK_ALONG_Y,
    matrix_to_quaternion,
    pose,
    quaternion_to_matrix,
    rotation_about,
    transform_points,
)
from engine.progress import Progress
from engine.render import ProxyRender, RenderOptions
from engine.render.rasteriser import render
from engine.splats.record import Splats

PASSES = [f.name for f in fields(ProxyRender) if f.name != "view"]
EYE = np.array([0.0, 0.0, 1.6])
few = settings(max_examples=8, deadline=None)
both = pytest.mark.parametrize("twin", [False, True], ids=["kernels", "twin"])


def look(width: int = 48, height: int = 32, focal: float = 40.0) -> View:
    return View(focal, focal, width / 2, height / 2, width, height, pose(LOOK_ALONG_Y, EYE))


def splat(
    position,
    scale=0.05,
    color=(0.2, 0.5, 0.8),
    opacity=0.9,
    rotation=(1.0, 0, 0, 0),
    confidence=0.7,
    region=3,
    origin=0,
) -> Splats:
    return Splats(
        positions=[position],
        scales=[np.broadcast_to(scale, 3)],
        rotations=[rotation],
        opacities=[opacity],
        colors=[color],
        confidence=[confidence],
        region=[region],
        origin=[origin],
    )


def cloud(seed: int, count: int = 60) -> Splats:
    """Random splats before, beside and behind the camera of `look`."""
    random = np.random.default_rng(seed)
    return Splats(
        positions=random.uniform([-3, -1, 0], [3, 8, 3.5], (count, 3)),
        scales=np.exp(random.uniform(np.log(0.002), np.log(0.5), (count, 3))),
        rotations=random.normal(size=(count, 4)),
        opacities=random.uniform(0, 1, count),
        colors=random.uniform(0, 1, (count, 3)),
        confidence=random.uniform(0, 1, count),
        region=random.integers(-1, 5, count),
        origin=random.integers(0, 5, count),
    )


def wall(
    distance: float = 5.0,
    color=(0.3, 0.6, 0.9),
    origin: int = 0,
    region: int = 1,
    spacing: float = 0.06,
) -> Splats:
    """A dense wall across the view at y = distance, its splats thin along y."""
    x, z = np.meshgrid(np.arange(-6, 6, spacing), np.arange(-3, 6, spacing))
    count = x.size
    return Splats(
        positions=np.stack([x.ravel(), np.full(count, distance), z.ravel()], axis=1),
        scales=np.tile([spacing, spacing * 0.1, spacing], (count, 1)),
        rotations=np.tile([1.0, 0, 0, 0], (count, 1)),
        opacities=np.full(count, 0.95),
        colors=np.tile(color, (count, 1)),
        confidence=np.ones(count),
        region=np.full(count, region),
        origin=np.full(count, origin),
    )


def moved(splats: Splats, motion: np.ndarray) -> Splats:
    turned = motion[:3, :3] @ quaternion_to_matrix(splats.rotations.astype(float))
    return splats.with_(
        positions=transform_points(motion, splats.positions), rotations=matrix_to_quaternion(turned)
    )


def assert_same_bits(first: ProxyRender, second: ProxyRender) -> None:
    for name in PASSES:
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)


def assert_sane(picture: ProxyRender) -> None:
    """What holds of every picture of anything."""
    there = np.isfinite(picture.depth)
    assert np.isfinite(picture.color).all()
    assert ((picture.alpha >= 0) & (picture.alpha <= 1)).all()
    np.testing.assert_array_equal(there, picture.alpha >= np.float32(1 / 255))
    assert (picture.depth > 0).all()
    length = np.linalg.norm(picture.normal, axis=2)
    np.testing.assert_allclose(length, there, atol=1e-5)
    assert ((picture.confidence >= 0) & (picture.confidence <= 1)).all()
    assert (picture.confidence[~there] == 0).all()
    assert (picture.region[~there] == -1).all()
    np.testing.assert_array_equal(picture.origin == -1, ~there)


@both
def test_one_splat_is_the_ewa_formula(twin):
    view = look()
    rotation = matrix_to_quaternion(rotation_about(np.array([1.0, 2, 3]), 0.7))
    scale, position = np.array([0.3, 0.1, 0.02]), np.array([0.4, 4.0, 1.2])
    picture = render(splat(position, scale, rotation=rotation), view, RenderOptions(twin=twin))
    x, y, z = transform_points(view.camera_from_world, position)
    jacobian = np.array([[40 / z, 0, -40 * x / z**2], [0, 40 / z, -40 * y / z**2]])
    shape = (
        jacobian @ view.camera_from_world[:3, :3] @ quaternion_to_matrix(rotation) @ np.diag(scale)
    )
    conic = np.linalg.inv(shape @ shape.T + 0.3 * np.eye(2))
    away = np.stack(np.meshgrid(np.arange(48) + 0.5, np.arange(32) + 0.5), axis=-1) - (
        40 * x / z + 24,
        40 * y / z + 16,
    )
    alpha = 0.9 * np.exp(-0.5 * np.einsum("hwi,ij,hwj->hw", away, conic, away))
    alpha[alpha < 1 / 255] = 0
    np.testing.assert_allclose(picture.alpha, alpha, atol=2e-6)
    np.testing.assert_allclose(picture.color, alpha[..., None] * [0.2, 0.5, 0.8], atol=2e-6)
    np.testing.assert_allclose(picture.depth[alpha > 0], z, rtol=1e-4)
    np.testing.assert_allclose(picture.confidence, 0.7 * alpha, atol=2e-6)
    axis = quaternion_to_matrix(rotation)[:, 2]
    expected = axis * -np.sign(axis @ (position - EYE))
    np.testing.assert_allclose(
        picture.normal[alpha > 0], np.tile(expected, ((alpha > 0).sum(), 1)), atol=1e-5
    )


@both
def test_an_opaque_splat_is_capped_and_two_multiply(twin):
    view = look(1, 1)
    opaque = splat([0, 4, 1.6], scale=0.5, opacity=1.0, color=(1, 1, 1))
    assert render(opaque, view, RenderOptions(twin=twin)).alpha[0, 0] == pytest.approx(
        0.999, abs=1e-6
    )
    halves = Splats.concatenate(
        [splat([0, y, 1.6], scale=3, opacity=0.5, color=(y, 0, 0)) for y in (6.0, 4.0)]
    )
    picture = render(halves, view, RenderOptions(twin=twin))
    assert picture.alpha[0, 0] == pytest.approx(0.75, abs=1e-5)
    assert picture.color[0, 0, 0] == pytest.approx(0.5 * 4 + 0.25 * 6, abs=1e-4)
    assert picture.depth[0, 0] == pytest.approx((0.5 * 4 + 0.25 * 6) / 0.75, abs=1e-4)


@both
def test_a_pixel_stops_before_its_last_light(twin):
    layers = Splats.concatenate(
        [splat([0, y, 1.6], scale=y, opacity=0.92, color=(1, 1, 1)) for y in (2.0, 3, 4, 5)]
    )
    alpha = render(layers, look(1, 1), RenderOptions(twin=twin)).alpha[0, 0]
    assert alpha == pytest.approx(1 - 0.08**3, abs=2e-5)  # the fourth would leave 4e-5


@both
@pytest.mark.parametrize("color_only", [False, True])
def test_nothing_is_void(twin, color_only):
    for nothing in (cloud(0, count=0), splat([0, -4, 1.6]), splat([0, 4, 1.6], opacity=0.003)):
        picture = render(nothing, look(), RenderOptions(twin=twin, color_only=color_only))
        assert picture.void.all()
        for name, nothing_there in (
            ("color", 0),
            ("alpha", 0),
            ("depth", np.inf),
            ("normal", 0),
            ("confidence", 0),
        ):
            assert (getattr(picture, name) == nothing_there).all(), name
        assert (picture.region == -1).all()
        assert (picture.origin == -1).all()


def behind(view: View, metres: float) -> View:
    """The same camera drawn back along its own axis."""
    back = np.eye(4)
    back[2, 3] = -metres
    return View(
        view.fx, view.fy, view.cx, view.cy, view.width, view.height, view.world_from_camera @ back
    )


def seen_finely(splats: Splats, view: View, options: RenderOptions, times: int = 8) -> np.ndarray:
    """The colour of a view as the mean of `times` squared smaller pixels."""
    fine = render(splats, view.resized(view.width * times, view.height * times), options).color
    return fine.reshape(view.height, times, view.width, times, 3).mean(axis=(1, 3))


def pixels_of(view: View, distance: float = 5.0, seed: int = 3) -> Splats:
    """One small splat a pixel of a view on a wall of random colours, as a photo is lifted."""
    rays = view.rays().reshape(-1, 3)
    points = view.unproject(np.full((view.height, view.width), distance)).reshape(-1, 3)
    colors = np.random.default_rng(seed).uniform(0, 1, (len(rays), 3))
    flat = splat([0, 0, 0], scale=(0.4 * distance / view.fx, 1e-4, 0.4 * distance / view.fx))
    return Splats(
        points,
        np.tile(flat.scales, (len(rays), 1)),
        np.tile(flat.rotations, (len(rays), 1)),
        np.full(len(rays), 0.9),
        colors,
        np.ones(len(rays)),
        np.zeros(len(rays)),
        np.zeros(len(rays)),
    )


PHOTO = look(96, 64, 80.0)
FROM_THE_PHOTO = RenderOptions(antialiased=True, photo_position=tuple(EYE), photo_focal=80.0)


@both
def test_antialiased_takes_nothing_from_the_photos_own_view(twin):
    wanted = render(pixels_of(PHOTO), PHOTO, RenderOptions(twin=twin))
    filtered = render(pixels_of(PHOTO), PHOTO, replace(FROM_THE_PHOTO, twin=twin))
    np.testing.assert_allclose(filtered.color, wanted.color, atol=2e-5)
    plain = render(pixels_of(PHOTO), PHOTO, RenderOptions(antialiased=True, twin=twin))
    assert np.abs(plain.alpha - wanted.alpha).max() > 0.05  # which the filter alone would take


def test_antialiased_does_not_shimmer_when_the_camera_draws_back():
    splats, errors, flickers = pixels_of(PHOTO), {}, {}
    for name, options in (("classic", RenderOptions()), ("antialiased", FROM_THE_PHOTO)):
        views = [behind(PHOTO, 30 + 0.3 * step) for step in range(5)]
        wrong = np.array(
            [
                render(splats, view, options).color - seen_finely(splats, view, RenderOptions())
                for view in views
            ]
        )
        errors[name], flickers[name] = (
            np.square(wrong).mean() ** 0.5,
            np.square(np.diff(wrong, axis=0)).mean() ** 0.5,
        )
    assert errors["antialiased"] < 0.7 * errors["classic"]
    assert flickers["antialiased"] < 0.7 * flickers["classic"]


@few
@given(seed=st.integers(0, 10**6))
def test_colour_alone_is_the_same_colour(seed):
    scene, view = cloud(seed), look()
    whole, part = render(scene, view), render(scene, view, RenderOptions(color_only=True))
    for name in ("color", "alpha", "depth"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(part, name))
    assert (part.region == -1).all()
    assert not part.normal.any()
    assert not part.confidence.any()


@few
@given(seed=st.integers(0, 10**6))
def test_the_order_of_rows_does_not_matter(seed):
    scene, view = cloud(seed, 300), look()
    order = np.random.default_rng(seed).permutation(len(scene))
    first, second = render(scene, view), render(scene.select(order), view)
    np.testing.assert_allclose(first.color, second.color, atol=1e-5)
    np.testing.assert_allclose(first.alpha, second.alpha, atol=1e-5)
    np.testing.assert_array_equal(first.region, second.region)


@few
@given(seed=st.integers(0, 10**6), threads=st.integers(2, 5))
def test_threads_do_not_change_a_bit(seed, threads):
    scene, view = cloud(seed, 500), look(150, 90, 120)
    scene = scene.with_(positions=np.round(scene.positions, 1))  # many equal depths
    assert_same_bits(
        render(scene, view, RenderOptions(threads=1)),
        render(scene, view, RenderOptions(threads=threads)),
    )


@both
def test_a_wall_has_its_depth_normal_and_cover(twin):
    picture = render(wall(spacing=0.12 if twin else 0.06), look(), RenderOptions(twin=twin))
    assert (picture.alpha > 0.99).all()
    np.testing.assert_allclose(picture.depth, 5.0, atol=1e-3)
    np.testing.assert_allclose(
        picture.normal, np.broadcast_to([0, -1, 0], picture.normal.shape), atol=1e-5
    )
    np.testing.assert_allclose(picture.position[..., 1], 5.0, atol=1e-3)
    straight = picture.color / picture.alpha[..., None]
    np.testing.assert_allclose(
        straight, np.broadcast_to([0.3, 0.6, 0.9], straight.shape), atol=1e-4
    )
    assert_sane(picture)


def test_a_near_wall_hides_a_far_one():
    both_walls = Splats.concatenate([wall(6, region=2, origin=4), wall(3, region=5, origin=1)])
    picture = render(both_walls, look())
    assert (picture.region == 5).all()
    assert (picture.origin == 1).all()
    np.testing.assert_allclose(picture.depth, 3, atol=5e-3)


@few
@given(seed=st.integers(0, 10**6))
def test_moving_camera_and_world_together_changes_nothing(seed):
    random = np.random.default_rng(seed)
    scene, view = cloud(seed), look()
    motion = pose(
        rotation_about(random.normal(size=3), random.uniform(0, 3)), random.uniform(-5, 5, 3)
    )
    here = render(scene, view, RenderOptions(photo_position=(1.0, 0.0, 2.0)))
    eye = tuple(transform_points(motion, np.array([1.0, 0, 2])))
    there = render(
        moved(scene, motion),
        replace(view, world_from_camera=motion @ view.world_from_camera),
        RenderOptions(photo_position=eye),
    )
    for name in ("color", "alpha", "confidence"):
        difference = np.abs(getattr(here, name) - getattr(there, name))
        assert np.mean(difference > 1e-3) < 0.005, (
            name
        )  # a pixel in which a splat of 1/255 comes or goes
        assert difference.max() < 0.01, name
    same = np.isfinite(here.depth) & np.isfinite(there.depth) & (here.alpha > 0.1)
    np.testing.assert_allclose(
        (here.normal @ motion[:3, :3].T)[same], there.normal[same], atol=0.05
    )


@both
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (33, 17), (8192, 1), (1, 2000)])
def test_odd_sizes(twin, size):
    scene = Splats.concatenate([cloud(1), splat([0, 6, 1.6], scale=1.0)])
    picture = render(scene, look(*size), RenderOptions(twin=twin))
    assert picture.alpha.shape == (size[1], size[0])
    assert picture.alpha.any()
    assert_sane(picture)


@both
def test_the_picture_is_a_window_onto_a_larger_one(twin):
    scene, large = cloud(5, 40), look(64, 48)
    window = replace(large, cx=large.cx - 13, cy=large.cy - 5, width=64, height=48)
    first, second = (render(scene, view, RenderOptions(twin=twin)) for view in (large, window))
    inner = np.abs(
        first.alpha[5:, 13:] - second.alpha[:-5, :-13]
    )  # the held Jacobian differs a little off the edges
    assert np.median(inner) < 1e-5


HOSTILE = [np.nan, np.inf, -np.inf, 0.0, -1.0, 1e30, -1e30, 1e-30, 3e38]


@both
@few
@given(data=st.data(), seed=st.integers(0, 1000))
def test_hostile_numbers_never_reach_a_pass(twin, data, seed):
    scene = cloud(seed, 30)
    changes = {}
    for name in ("positions", "scales", "rotations", "opacities", "colors", "confidence"):
        values = getattr(scene, name).copy()
        for value in data.draw(st.lists(st.sampled_from(HOSTILE), min_size=1, max_size=6)):
            values.reshape(-1)[data.draw(st.integers(0, values.size - 1))] = value
        changes[name] = values
    assert_sane(
        render(scene.with_(**changes), look(), RenderOptions(twin=twin, photo_position=(0, 0, 1.6)))
    )


@both
@pytest.mark.parametrize(
    "change",
    [
        {"position": [np.nan, 4, 1.6]},
        {"position": [0, np.inf, 1.6]},
        {"position": [0, 1e30, 1.6]},
        {"position": [0, -4, 1.6]},
        {"position": [0, 0.005, 1.6]},
        {"scale": 0.0},
        {"scale": (-1, 1, 1)},
        {"scale": (1, np.inf, 1)},
        {"scale": 1e30},
        {"rotation": (0, 0, 0, 0)},
        {"rotation": (np.nan, 0, 0, 1)},
        {"opacity": np.nan},
        {"opacity": np.inf},
        {"color": (np.nan, 0, 0)},
        {"color": (0, np.inf, 0)},
        {"confidence": np.nan},
    ],
)
def test_a_splat_that_cannot_be_drawn_is_left_out(twin, change):
    good = splat([0.1, 5, 1.6])
    bad = splat(**({"position": [0, 4, 1.6]} | change))
    options = RenderOptions(twin=twin)
    assert_same_bits(
        render(good, look(), options), render(Splats.concatenate([bad, good]), look(), options)
    )


@both
def test_a_flat_disc_and_a_long_quaternion_are_drawn(twin):
    disc = splat([0, 4, 1.6], scale=(0.2, 0, 0.2), rotation=(5, 0, 0, 0))
    picture = render(disc, look(), RenderOptions(twin=twin))
    np.testing.assert_allclose(picture.normal[16, 24], [0, -1, 0], atol=1e-6)


@both
def test_a_camera_inside_a_splat_sees_what_lies_before_it(twin):
    around = splat([0, -0.02, 1.6], scale=2.0)
    before = splat([0, 0.05, 1.6], scale=2.0, color=(1, 0, 0))
    picture = render(Splats.concatenate([around, before]), look(), RenderOptions(twin=twin))
    assert_sane(picture)
    np.testing.assert_allclose(
        picture.color, np.broadcast_to([0.9, 0, 0], picture.color.shape), atol=0.01
    )


@both
def test_a_long_thin_splat_keeps_its_shape(twin):
    """Its image is hundreds of pixels long and one wide: where a c - b b of float32 has no digit left."""
    rotation = matrix_to_quaternion(rotation_about(np.array([0, 1.0, 0]), np.radians(45)))
    needle = splat([0, 4, 1.6], scale=(500, 1e-4, 1e-4), rotation=rotation, opacity=0.9)
    alpha = render(needle, look(400, 400, 400), RenderOptions(twin=twin)).alpha
    ridge = np.maximum(np.diagonal(alpha), np.diagonal(alpha[::-1]))
    np.testing.assert_allclose(ridge[50:350], 0.9, atol=0.02)
    assert alpha[200, :150].max() == 0


def test_bright_colours_survive_to_linear_light():
    picture = render(splat([0, 4, 1.6], scale=1.0, color=(3.0, 1.0, 0.5), opacity=1), look())
    linear, alpha = picture.linear(), picture.alpha[16, 24]
    assert alpha > 0.99
    assert linear[16, 24, 0] == pytest.approx(((3.0 + 0.055) / 1.055) ** 2.4 * alpha, rel=1e-4)
    assert linear[16, 24, 3] == alpha


@both
def test_confidence_falls_with_the_angle_from_the_photo(twin):
    scene, view = splat([0, 4, 1.6], scale=3.0, confidence=0.8, opacity=0.9), look(1, 1)
    for degrees, expected in ((0, 1.0), (60, 0.5), (90, 0.0), (150, 0.0)):
        at = np.radians(degrees)
        eye = (4 * np.sin(at), 4 - 4 * np.cos(at), 1.6)
        picture = render(scene, view, RenderOptions(twin=twin, photo_position=eye))
        assert picture.confidence[0, 0] == pytest.approx(0.8 * 0.9 * expected, abs=2e-3)


@both
def test_the_heaviest_not_the_nearest_gives_the_ids(twin):
    layers = [
        splat([0, y, 1.6], y, opacity=o, region=r, origin=r)
        for y, o, r in ((4.0, 0.3, 2), (5.0, 0.9, 4), (6.0, 0.999, 1))
    ]
    picture = render(Splats.concatenate(layers), look(1, 1), RenderOptions(twin=twin))
    assert picture.region[0, 0] == 4
    assert picture.origin[0, 0] == 4


def test_a_second_frame_does_not_remember_the_first():
    view, first, second = look(), cloud(1), cloud(2)
    alone = render(second, view)
    render(first, view)
    assert_same_bits(alone, render(second, view))
    assert_same_bits(
        render(second.with_(colors=first.colors), view),
        render(second.with_(colors=first.colors), view),
    )
    assert np.abs(render(second.with_(colors=first.colors), view).color - alone.color).max() > 0.01


def test_a_crowd_in_bands_is_the_same_picture(monkeypatch):
    from engine.render import frame

    scene, view = cloud(3, 400), look(200, 100, 150)
    whole = render(scene, view)
    monkeypatch.setattr(frame, "BAND_ENTRIES", 100)
    assert_same_bits(whole, render(scene, view))


def test_cancel_stops_a_frame():
    progress = Progress()
    progress.cancel()
    with pytest.raises(Cancelled):
        render(cloud(1), look(), progress=progress)


def test_cancel_inside_the_frame_stops_it():
    asked = []

    class Listening(Progress):
        def check(self):
            asked.append(1)
            if len(asked) == 5:
                self.cancel()
            super().check()

    with pytest.raises(Cancelled):
        render(cloud(1, 400), look(640, 400, 300), progress=Listening())


@pytest.mark.parametrize(
    "options",
    [
        RenderOptions(threads=0),
        RenderOptions(near=-1),
        RenderOptions(near=np.nan),
        RenderOptions(photo_position=(0, np.nan, 0)),
    ],
)
def test_senseless_options_are_refused(options):
    with pytest.raises(ArgumentError):
        render(cloud(1), look(), options)
