"""The trainer: its ray-caster against analytic depths, determinism, resume, and learning."""

import copy
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from training import losses, raycast, scenes, shading, things, trainer  # noqa: E402
from training.draw import Draw  # noqa: E402
from training.model import DepthNet, corrected, log_depth  # noqa: E402
from training.photo import photograph  # noqa: E402

SMALL = trainer.Plan(seed=3, batch_scale=0.03, sizes=((48, 32), (32, 48)), half=False)
EYE = torch.tensor([[0.0, 0.0, 1.5]])
sizes = st.floats(0.3, 3.0)
angles = st.floats(-3.0, 3.0)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def solid(kind, centre, half=(1.0, 1.0, 1.0), angle=0.0, owner=7, ragged=0.0):
    """One scene with one solid."""
    return raycast.Solids(
        torch.tensor([kind]),
        torch.tensor([[centre]], dtype=torch.float32),
        torch.tensor([[half]], dtype=torch.float32),
        torch.tensor([[[math.cos(angle), math.sin(angle)]]]),
        torch.tensor([[owner]]),
        torch.tensor([[True]]),
        torch.tensor([[ragged]]),
    )


def together(*parts):
    kinds = torch.cat([part.kinds for part in parts])
    return raycast.Solids(
        kinds, *(torch.cat(column, dim=1) for column in list(zip(*parts, strict=True))[1:])
    )


def rays(*directions):
    return torch.tensor([directions], dtype=torch.float32)


def random_rays(count=200, seed=0):
    """Directions about +y, of unit y."""
    draw = np.random.default_rng(seed)
    return torch.tensor(
        np.stack([draw.normal(0, 0.4, count), np.ones(count), draw.normal(0, 0.3, count)], -1)[None]
    ).float()


# The ray-caster against what can be written down.


def test_a_ragged_ball_has_bumps_and_holes_and_an_even_one_has_none():
    even, ragged = (
        solid(raycast.BALL, (0, 6.0, 1.5), (2.0, 2.0, 2.0), ragged=amount) for amount in (0.0, 1.0)
    )
    aim, origin = random_rays(2000), torch.tensor([[0.0, 0, 1.5]])
    smooth, rough = (raycast.cast(ball, origin, aim) for ball in (even, ragged))
    hit, hit_too = smooth.slot[0] >= 0, rough.slot[0] >= 0
    assert (hit != hit_too).float().mean() > 0.03  # its outline is another
    both = hit & hit_too
    assert (smooth.depth - rough.depth)[0][both].abs().mean() > 0.05
    assert (rough.depth[0][both] > 6 - 2 * 1.7).all()
    assert (rough.depth[0][both] < 6 + 2).all()


@given(height=st.floats(0.2, 30.0), slope=st.floats(0.01, 2.0))
@settings(deadline=None, max_examples=50)
def test_the_ground_is_as_far_as_the_height_over_the_slope(height, slope):
    nothing = solid(raycast.BOX, (0, 0, 0))._replace(there=torch.tensor([[False]]))
    hits = raycast.cast(
        nothing, torch.tensor([[0.0, 0.0, height]]), rays((0, 1, -slope), (0, 1, slope))
    )
    assert float(hits.depth[0, 0]) == pytest.approx(height / slope, rel=1e-5)
    assert hits.owner[0].tolist() == [raycast.GROUND, raycast.NOTHING]
    assert math.isinf(hits.depth[0, 1])


@pytest.mark.parametrize("kind", [raycast.BOX, raycast.BALL, raycast.TUBE])
@given(near=st.floats(2.0, 50.0), half=sizes, turns=st.integers(0, 3))
@settings(deadline=None, max_examples=50)
def test_a_solid_ahead_begins_half_its_size_before_its_middle(kind, near, half, turns):
    hits = raycast.cast(
        solid(kind, (0, near + half, 1.5), (half,) * 3, turns * math.pi / 2), EYE, rays((0, 1, 0))
    )
    assert float(hits.depth[0, 0]) == pytest.approx(near, rel=1e-4)


@given(far=st.floats(2.0, 20.0), angle=angles)
@settings(deadline=None, max_examples=50)
def test_a_turned_box_is_met_at_its_side(far, angle):
    half = 0.8
    hits = raycast.cast(
        solid(raycast.BOX, (0, far, 1.5), (half, half, half), angle), EYE, rays((0, 1, 0))
    )
    reach = half / max(
        abs(math.cos(angle)), abs(math.sin(angle))
    )  # through the middle of a turned square
    assert float(hits.depth[0, 0]) == pytest.approx(far - reach, rel=1e-4)


def test_a_room_is_met_from_inside():
    room = solid(raycast.ROOM, (0, 0, 1.3), (2.0, 3.0, 1.3))
    hits = raycast.cast(room, EYE, rays((0, 1, 0), (1, 0, 0), (0, 1, 1), (0, 1, -1)))
    np.testing.assert_allclose(hits.depth[0], [3.0, 2.0, 1.1, 1.5], rtol=1e-5)


def test_a_gable_is_a_prism_with_its_ridge_along_x():
    gable = solid(raycast.GABLE, (0, 5, 1.0), (2.0, 1.0, 1.0))
    # At half its height the slope has come in by half of its half depth.
    hits = raycast.cast(gable, EYE, rays((0, 1, 0), (0, 1, 0.5)))
    assert float(hits.depth[0, 0]) == pytest.approx(4.5, rel=1e-5)
    assert math.isinf(hits.depth[0, 1])
    slot = torch.zeros((1, 1), dtype=torch.int64)
    normal = raycast.surface(gable, slot, torch.tensor([[[0.0, 4.5, 1.5]]]))[0]
    np.testing.assert_allclose(normal[0, 0], [0, -math.sqrt(0.5), math.sqrt(0.5)], atol=1e-5)


@pytest.mark.parametrize("kind", [raycast.BOX, raycast.BALL, raycast.TUBE, raycast.GABLE])
@settings(max_examples=20, deadline=None)
@given(half=st.tuples(sizes, sizes, sizes), angle=angles)
def test_hit_points_lie_on_the_solid_and_normals_face_the_ray(kind, half, angle):
    one, aimed = solid(kind, (0.0, 8.0, 1.0), half, angle), random_rays()
    hits = raycast.cast(one, EYE, aimed)
    hit = hits.slot[0] == 0
    points = EYE[:, None] + aimed * hits.depth.clamp_max(1e3)[..., None]
    normal, _, metres = raycast.surface(one, hits.slot, points)
    x, y, z = (metres[0, hit] / torch.tensor(half)).unbind(-1)
    far = {
        raycast.BOX: torch.stack([x.abs(), y.abs(), z.abs()]).amax(0),
        raycast.BALL: (x * x + y * y + z * z).sqrt(),
        raycast.TUBE: torch.maximum((x * x + y * y).sqrt(), z.abs()),
        raycast.GABLE: torch.stack([x.abs(), y.abs() + z, 1 - z]).amax(0),
    }[kind]
    np.testing.assert_allclose(far, 1, atol=2e-4)
    facing = (normal * aimed).sum(-1)[0, hit]
    np.testing.assert_allclose(normal.norm(dim=-1), 1, atol=1e-4)
    assert (facing < 1e-2).all()


def test_the_second_layer_is_the_next_owner_in_any_order():
    """Two parts of one object, another behind it, then the ground: sorted by hand."""
    parts = [
        solid(raycast.BOX, (0, 5, 0.5), (0.5, 0.5, 0.5), owner=3),
        solid(raycast.BALL, (0, 6, 0.5), (0.5, 0.5, 0.5), owner=3),
        solid(raycast.BOX, (0, 9, 0.5), (0.5, 0.5, 0.5), owner=4),
    ]
    aim = rays((0, 1, -0.1))
    for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0), (1, 0, 2)):
        hits = raycast.cast(
            together(*(parts[i] for i in order)), torch.tensor([[0.0, 0, 1.2]]), aim
        )
        assert float(hits.depth[0, 0]) == pytest.approx(4.5)
        assert int(hits.owner[0, 0]) == 3
        assert float(hits.second[0, 0]) == pytest.approx(8.5)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_the_second_layer_is_what_remains_without_the_first_owner(seed):
    draw = Draw(seed, 0, 1)
    solids = scenes.sample(draw).solids
    aimed = random_rays(100, seed)
    hits = raycast.cast(solids, EYE, aimed)
    for owner in hits.owner.unique().tolist():
        if owner > raycast.GROUND:
            without = solids._replace(there=solids.there & (solids.owner != owner))
            mine = hits.owner == owner
            torch.testing.assert_close(
                hits.second[mine], raycast.cast(without, EYE, aimed).depth[mine]
            )


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_compact_scenes_look_the_same(seed):
    solids = scenes.sample(Draw(seed, 0, 3)).solids
    compact, index = solids.compact()
    origin, aimed = EYE.expand(3, -1), random_rays(60, seed).expand(3, -1, -1)
    whole, small = raycast.cast(solids, origin, aimed), raycast.cast(compact, origin, aimed)
    assert compact.there.shape == index.shape
    assert index.shape[1] < solids.there.shape[1]
    torch.testing.assert_close(whole.depth, small.depth)
    torch.testing.assert_close(whole.second, small.second)
    assert (whole.owner == small.owner).all()


def test_shadow_is_where_a_solid_hides_the_light():
    box = solid(raycast.BOX, (0, 0, 3.0), (1.0, 1.0, 0.2))
    points = torch.tensor([[[0.0, 0, 0], [3.0, 0, 0], [0, 0, 5.0]]])
    assert raycast.blocked(box, points, torch.tensor([[0.0, 0, 1]])).tolist() == [
        [True, False, False]
    ]


# Scenes and pictures.


def test_pictures_are_whole_and_varied():
    draw = Draw(5, 0, 24)
    sampled = scenes.sample(draw)
    truth = shading.picture(draw, sampled, 48, 32)
    photo = photograph(draw, truth.colours)
    assert len(sampled.kind.unique()) >= 4
    assert photo.shape == (24, 3, 32, 48)
    assert torch.isfinite(photo).all()
    assert 0 <= float(photo.min()) <= float(photo.max()) <= 1
    assert (truth.depth > 0).all()
    assert (truth.second >= truth.depth).all()
    assert (truth.depth[truth.sky] == shading.FARTHEST).all()
    assert truth.sky.any()
    assert not truth.sky[truth.indoors].any(), "a room has no sky"
    np.testing.assert_allclose(truth.normal.norm(dim=1), 1, atol=1e-4)
    facing = truth.normal.permute(0, 2, 3, 1) * shading.pixel_rays(truth.camera.focal, 48, 32)
    assert (facing.sum(-1)[~truth.sky] < 1e-3).all()


def test_depth_and_normals_agree_on_the_ground():
    """Where the floor is seen, its depth is that of the plane below the camera."""
    truth = trainer.scenery(trainer.Plan(seed=2, batch_scale=0.3, sizes=((48, 32),)), 0)
    aimed = shading.pixel_rays(truth.camera.focal, 48, 32)
    climb = (aimed * truth.camera.up[:, None, None]).sum(-1)
    ours = (truth.owner == raycast.GROUND) & ~truth.sky & (climb < 0)
    floor = ours & ((truth.normal * truth.camera.up[:, :, None, None]).sum(1) > 0.999)
    expected = truth.camera.height[:, None, None] / -climb
    assert int(floor.sum()) > 1000
    torch.testing.assert_close(truth.depth[floor], expected[floor], rtol=2e-3, atol=1e-3)


def test_a_mirror_twice_is_no_mirror_and_keeps_the_floor():
    truth = trainer.scenery(SMALL, 0)
    back = shading.mirrored(shading.mirrored(truth))
    for name in ("colours", "depth", "second", "normal", "sky"):
        assert torch.equal(getattr(back, name), getattr(truth, name))
    other = shading.mirrored(truth)
    assert torch.equal(other.depth, truth.depth.flip(-1))
    torch.testing.assert_close(other.camera.up, truth.camera.up * torch.tensor([-1.0, 1, 1]))


def test_every_thing_stands_on_the_ground():
    for parts in things.TABLE:
        there = [part for part in parts if part[3] > 0]
        assert len(parts) == len(things.PARTS)
        assert there
        assert min(part[2] - part[5] for part in there) < 0.21, "it floats"
        assert min(part[2] - part[5] for part in there) > -0.3, "it is sunk"
        assert all(min(part[3:6]) > 0 for part in there)
    assert (
        len(things.TABLE)
        == len(things.INSIDE_WEIGHTS)
        == len(things.OUTSIDE_WEIGHTS)
        == len(things.CLOSE_WEIGHTS)
    )


# Determinism and resume.


def weights(run):
    return torch.cat([value.flatten().float() for value in run.net.state_dict().values()])


def test_a_step_can_be_made_again_alone():
    first, again = trainer.scenery(SMALL, 4), trainer.scenery(SMALL, 4)
    assert torch.equal(first.colours, again.colours)
    assert torch.equal(first.depth, again.depth)
    assert torch.equal(trainer.example(SMALL, 9, first)[1], trainer.example(SMALL, 9, again)[1])
    other = trainer.scenery(SMALL, 5)
    assert other.depth.shape != first.depth.shape or not torch.equal(other.depth, first.depth)


def test_resume_equals_an_unbroken_run(tmp_path):
    unbroken = trainer.Run(SMALL)
    for _ in range(5):
        unbroken.advance(0.1)
    begun = trainer.Run(SMALL)
    for _ in range(3):  # an odd number: in the middle of a scenery that is used twice
        begun.advance(0.1)
    begun.save(tmp_path)
    resumed = trainer.Run(SMALL)
    resumed.load(tmp_path)
    assert resumed.step == 3
    for _ in range(2):
        resumed.advance(0.1)
    torch.testing.assert_close(weights(resumed), weights(unbroken), rtol=0, atol=1e-6)
    kept = [
        torch.cat([v.flatten().float() for v in run.average.state_dict().values()])
        for run in (resumed, unbroken)
    ]
    torch.testing.assert_close(*kept, rtol=0, atol=1e-6)


def test_another_seed_is_another_run():
    runs = [
        trainer.Run(trainer.Plan(seed=seed, batch_scale=0.03, sizes=((32, 32),), half=False))
        for seed in (1, 2)
    ]
    assert not torch.equal(weights(runs[0]), weights(runs[1]))


def test_train_stops_by_its_hours_and_leaves_a_checkpoint(tmp_path):
    steps = list(trainer.train(trainer.Run(SMALL), tmp_path, hours=1 / 3600))
    assert steps[0][0] == 1
    assert (tmp_path / "checkpoint.pt").is_file()
    resumed = trainer.Run(SMALL)
    resumed.load(tmp_path)
    assert resumed.step == steps[-1][0]


def test_a_run_of_so_many_steps_is_the_same_whatever_interrupts_it(tmp_path):
    whole = trainer.Run(SMALL)
    assert [step for step, _ in trainer.train(whole, tmp_path / "whole", hours=1.0, steps=3)] == [
        1,
        2,
        3,
    ]
    begun = trainer.Run(SMALL)
    for step, _ in trainer.train(begun, tmp_path / "parts", hours=1.0, steps=3):
        if step == 2:
            begun.save(tmp_path / "parts")
            break
    resumed = trainer.Run(SMALL)
    resumed.load(tmp_path / "parts")
    assert [step for step, _ in trainer.train(resumed, tmp_path / "parts", hours=1.0, steps=3)] == [
        3
    ]
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=1e-6)


# Learning.


@pytest.mark.parametrize(
    ("steps", "share"), [(40, 0.9), pytest.param(300, 0.75, marks=pytest.mark.slow)]
)
def test_steps_lower_the_loss_of_pictures_never_trained_on(steps, share):
    plan = trainer.Plan(seed=1, batch_scale=0.12, sizes=((48, 32),))
    held_out = trainer.scenery(plan, 1_000)
    truth, x, up = trainer.example(plan, 2_000, held_out)

    def loss(net):
        with torch.no_grad():
            return float(losses.losses(x, up, *net(x), truth).total)

    run = trainer.Run(plan)
    before = loss(
        copy.deepcopy(run.net).train()
    )  # train(): the batch's own statistics, as those kept are young
    for _ in range(steps):
        run.advance(0.0)
    assert loss(copy.deepcopy(run.net).train()) < share * before


def true_answer(truth, x, up):
    """Maps and scalars of a network that knows everything."""
    height = truth.camera.height.log()
    grow = up[:, 1] / truth.camera.up[:, 1]
    tilt = truth.camera.up * grow[:, None] - up
    maps = torch.zeros(len(x), 8, *x.shape[2:])
    maps[:, 0] = truth.depth.log() - height[:, None, None]
    maps[:, 1] = -6.0
    maps[:, 2] = truth.sky.float() * 40 - 20
    maps[:, 3:6] = truth.normal
    gap = (truth.second.log() - truth.depth.log()).clamp_min(1e-4)
    maps[:, 6] = gap + torch.log(-torch.expm1(-gap))  # softplus, inverted
    maps[:, 7] = losses.is_ground(truth).float() * 40 - 20
    sure = truth.indoors.float() * 40 - 20
    return maps, torch.stack([torch.zeros_like(height), height, sure, tilt[:, 0], tilt[:, 2]], -1)


def test_the_loss_is_least_at_the_truth(monkeypatch):
    """With the true lens: one that is told wrongly bends the ground."""
    monkeypatch.setattr(trainer, "_FOCAL_NOISE", 0.0)
    plan = trainer.Plan(seed=3, batch_scale=0.12, sizes=((48, 32),))
    truth, x, up = trainer.example(plan, 4, trainer.scenery(plan, 2))
    assert truth.sky.any()
    assert (truth.camera.up - up).norm(dim=1).max() > 0.01
    maps, scalars = true_answer(truth, x, up)
    torch.testing.assert_close(corrected(up, scalars), truth.camera.up)
    best = losses.losses(x, up, maps, scalars, truth)
    assert float(best.aligned) < 1e-3
    assert float(best.absolute) < 1e-3
    draw = np.random.default_rng(0)
    for channel, off in ((0, -1), (1, 1), (2, -60), (3, 1), (6, 1), (7, -60)):
        worse = maps.clone()
        worse[:, channel] += (
            off * torch.tensor(draw.uniform(0.2, 1, worse[:, channel].shape)).float()
        )
        assert float(losses.losses(x, up, worse, scalars, truth).total) > float(best.total)
    for scalar, off in enumerate((0.3, 0.3, -60.0, 0.1, 0.1)):
        worse = scalars.clone()
        worse[:, scalar] += off
        assert float(losses.losses(x, up, maps, worse, truth).total) > float(best.total)


def test_ground_comes_from_gravity_alone():
    """With no thing before it, depth is the height over the slope, whatever the input's gravity."""
    x, up = torch.zeros(1, 8, 16, 16), torch.tensor([[0.0, -1.0, 0.0]])
    x[:, 3], x[:, 4] = torch.meshgrid(
        torch.linspace(-1, 1, 16), torch.linspace(0.1, 1, 16), indexing="xy"
    )
    maps, scalars = torch.zeros(1, 8, 16, 16), torch.tensor([[0.0, 0.0, 0.0, 0.05, -0.1]])
    maps[:, 0] = 25.0
    true = corrected(up, scalars)[0]
    slope = -(x[0, 3] * true[0] + x[0, 4] * true[1] + true[2])
    torch.testing.assert_close(log_depth(x, up, maps, scalars)[0], -slope.clamp_min(1e-4).log())


def test_the_ground_is_what_lies_at_height_zero():
    truth = trainer.scenery(trainer.Plan(seed=5, sizes=((64, 48),)), 3)
    rays = shading.pixel_rays(truth.camera.focal, 64, 48)
    climb = (rays * truth.camera.up[:, None, None]).sum(-1)
    above = truth.camera.height[:, None, None] + truth.depth * climb
    ground = losses.is_ground(truth)
    assert 0.05 < ground.float().mean() < 0.95
    assert above[ground].abs().max() < 0.1  # doors and pictures hang a hand above it
    assert (above[~ground & ~truth.sky].abs() < 1e-3).float().mean() < 0.02


def test_the_network_answers_in_the_pictures_size():
    maps, scalars = DepthNet().eval()(torch.zeros(2, 8, 32, 48))
    assert maps.shape == (2, 8, 32, 48)
    assert scalars.shape == (2, 5)
