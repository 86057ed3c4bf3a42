"""The hidden layer: no void behind silhouettes, the far surface's colour and plane, unseen from the photo, low confidence."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifted_scenes import (
    CONFIDENCE,
    SCENES,
    beside,
    estimate_of,
    inside,
    orbited,
    photograph,
    psnr,
    scene_depth,
    seen_and_hidden,
)
from raycast import shoot
from scenes import view, wall_and_ground

from engine.lift.continuing import MOST_CONFIDENCE
from engine.lift.lifting import lift
from engine.render.match import match_photo
from engine.render.rasteriser import render
from engine.splats import HIDDEN_LAYER, PHOTOGRAPHED

RED, BLUE = np.float32([0.8, 0.1, 0.1]), np.float32([0.1, 0.2, 0.8])


def card(near=4.0, far=12.0, rows=slice(12, 36), columns=slice(20, 44)):
    """A red card before a blue wall, both facing the camera."""
    depth = np.full((48, 64), far, np.float32)
    depth[rows, columns] = near
    normal = np.broadcast_to(np.float32([0, -1, 0]), (48, 64, 3))
    colours = np.where((depth == np.float32(near))[..., None], RED, BLUE).astype(np.float32)
    estimate = replace(
        wall_and_ground(),
        depth=depth,
        normal=normal,
        view=view(),
        confidence=np.full_like(depth, 0.7),
    )
    return estimate, colours


def hidden(lifted, camera):
    """The hidden splats behind silhouettes, and the pixels whose surfaces they continue."""
    rows = (lifted.splats.origin == HIDDEN_LAYER) & inside(lifted.splats, camera)
    return lifted.splats.select(rows), lifted.pixels[rows]


@settings(max_examples=20, deadline=None)
@given(st.floats(2, 8), st.floats(1.3, 10))
def test_the_wall_goes_on_behind_the_card_in_its_own_plane_and_colour(near, ratio):
    estimate, colours = card(near, near * ratio)
    splats, pixels = hidden(lift(estimate, colours), estimate.view)
    assert len(splats) > 20
    _, depth = estimate.view.project(splats.positions)
    assert np.abs(depth / (near * ratio) - 1).max() < 0.01
    assert np.abs(splats.colors - BLUE).max() < 0.01  # the background grows, never the foreground
    assert (estimate.depth.ravel()[pixels] > near * 1.2).all()
    assert np.abs(np.abs(splats.normals @ [0, 1, 0]) - 1).max() < 1e-3


def test_its_confidence_is_low_and_falls_behind_the_edge():
    estimate, colours = card()
    splats, _ = hidden(lift(estimate, colours), estimate.view)
    pixels, _ = estimate.view.project(splats.positions)
    behind = 12 - np.abs(pixels - [32, 24]).max(axis=1)  # pixels from the card's border inwards
    assert splats.confidence.max() <= MOST_CONFIDENCE * 0.7 + 1e-6
    assert splats.confidence.min() > 0
    deep, shallow = splats.confidence[behind > 6], splats.confidence[behind < 3]
    assert deep.max() < shallow.min()


def test_a_ground_plane_is_continued_along_its_slant():
    """Behind a card on the ground lies the ground, not a wall."""
    estimate = wall_and_ground()
    depth, normal = estimate.depth.copy(), estimate.normal.copy()
    depth[20:40, 28:36] = 2.2
    normal[20:40, 28:36] = [0, -1, 0]
    estimate = replace(estimate, depth=depth, normal=normal)
    splats, pixels = hidden(lift(estimate, np.full((48, 64, 3), 0.5, np.float32)), estimate.view)
    of_ground = estimate.ground.ravel()[pixels] & (
        estimate.depth.ravel()[pixels] < 6
    )  # not where the wall begins
    assert of_ground.sum() > 3
    up = splats.positions[of_ground, 2]
    assert up.max() < 0.02
    assert (
        up.min() > -0.3
    )  # under the ground by what keeps the picture's own pixels in front, here some large ones
    assert np.abs(splats.normals[of_ground][:, 2]).min() > 0.95


@pytest.mark.parametrize("name", SCENES)
def test_a_move_of_a_tenth_of_the_depth_shows_no_void(name):
    """Left and right; where the photo's frame ends there is none of the layer's business."""
    picture = photograph(name)
    estimate = estimate_of(picture)
    splats = lift(estimate, picture.colours).splats
    bare = splats.select(splats.origin == PHOTOGRAPHED)
    for part in (-0.1, -0.05, 0.05, 0.1):
        new = shoot(SCENES[name], beside(picture.view, part * scene_depth(estimate)))
        _, uncovered = seen_and_hidden(picture, new)
        assert (render(splats, new.view).alpha[uncovered] < 0.5).mean() < 0.02
        assert (render(bare, new.view).alpha[uncovered] < 0.5).mean() > 0.2


@pytest.mark.parametrize("name", SCENES)
def test_what_is_uncovered_looks_more_like_the_truth_than_a_constant(name):
    picture = photograph(name)
    estimate = estimate_of(picture)
    splats = lift(estimate, picture.colours).splats
    new = shoot(SCENES[name], orbited(picture.view, 5, scene_depth(estimate)))
    _, uncovered = seen_and_hidden(picture, new)
    drawn = render(splats, new.view)
    grey = np.broadcast_to(picture.colours.mean(axis=(0, 1)), new.colours.shape)
    assert psnr(drawn.color, new.colours, uncovered) > psnr(grey, new.colours, uncovered) + 1


@pytest.mark.parametrize("name", SCENES)
def test_the_photos_own_view_does_not_show_it(name):
    picture = photograph(name)
    estimate = estimate_of(picture)
    lifted = lift(estimate, picture.colours)
    without = lifted.splats.select(lifted.splats.origin == PHOTOGRAPHED)
    own, bare = (
        match_photo(s, estimate.view, picture.colours, lifted.rows, spilled=lifted.spilled)
        for s in (lifted.splats, without)
    )
    drawn, undrawn = render(own, estimate.view), render(bare, estimate.view)
    assert (drawn.origin == HIDDEN_LAYER).mean() < 5e-3
    everywhere = np.ones(drawn.alpha.shape, bool)
    assert (
        psnr(drawn.color, picture.colours, everywhere)
        > psnr(undrawn.color, picture.colours, everywhere) - 0.25
    )


def test_far_edges_keep_no_ghost_of_what_stood_before_them():
    """After the colour match the wall's last pixels beside the card are the wall's colour, not the card's opposite."""
    estimate, colours = card()
    lifted = lift(estimate, colours)
    splats = match_photo(lifted.splats, estimate.view, colours, lifted.rows, spilled=lifted.spilled)
    away = beside(estimate.view, 0.5)
    drawn = render(splats, away)
    pixels, _ = estimate.view.project(away.unproject(np.full((48, 64), 12.0)))
    ring = (
        (np.abs(pixels - [32, 24]).max(axis=-1) < 14) & (drawn.depth > 11.8) & (pixels[..., 0] > 20)
    )
    assert ring.sum() > 30
    assert np.abs(drawn.color - BLUE)[ring].max() < 0.12


@settings(max_examples=15, deadline=None)
@given(st.integers(3100, 6000))
def test_it_is_part_of_the_budget_which_stays_exact(budget):
    estimate, _ = card()
    colours = np.random.default_rng(0).uniform(0, 1, (48, 64, 3)).astype(np.float32)
    everything = lift(estimate, colours)
    lifted = lift(estimate, colours, budget)
    assert len(lifted.splats) == min(budget, len(everything.splats))
    assert len(lifted.pixels) == len(lifted.splats)
    share = (lifted.splats.origin == HIDDEN_LAYER).sum()
    assert share <= (everything.splats.origin == HIDDEN_LAYER).sum()
    if budget > 4000:
        assert share > 0


def test_the_sky_is_a_far_side_too():
    estimate, colours = card(near=6.0, far=100.0)
    sky = estimate.depth > 50
    splats, pixels = hidden(lift(replace(estimate, sky=sky), colours), estimate.view)
    assert len(splats) > 20
    assert sky.ravel()[pixels].all()


def held_out_errors(name, noise, seed):
    """Confidence and colour error of every pixel that held-out views show, from depth that is off by what it says."""
    picture = photograph(name)
    rng = np.random.default_rng(seed)
    estimate = estimate_of(picture)
    fine = np.mgrid[0:160, 0:240] / 24.0

    def field():
        """Smooth noise: waves of random direction and phase, of standard deviation about one."""
        angles, phases = rng.uniform(0, 2 * np.pi, (2, 24))
        waves = np.cos(
            2 * np.cos(angles)[:, None, None] * fine[0]
            + 2 * np.sin(angles)[:, None, None] * fine[1]
            + phases[:, None, None]
        )
        return waves.sum(axis=0) / np.sqrt(12)

    sigma = np.where(estimate.sky, 0, noise * np.exp(0.8 * field()))
    depth = (estimate.depth * np.exp(np.clip(sigma * field(), -0.5, 0.5))).astype(np.float32)
    confidence = (1 / (1 + (sigma / 0.35) ** 2)).astype(np.float32)
    estimate = replace(
        estimate_of(replace(picture, depth=np.where(estimate.sky, np.inf, depth))),
        confidence=confidence,
    )
    lifted = lift(estimate, picture.colours)
    splats = match_photo(
        lifted.splats, estimate.view, picture.colours, lifted.rows, spilled=lifted.spilled
    )
    confidences, errors = [], []
    for degrees in (-10, 5):
        new = shoot(SCENES[name], orbited(picture.view, degrees, scene_depth(estimate_of(picture))))
        drawn = render(splats, new.view)
        seen, uncovered = seen_and_hidden(picture, new)
        there = (seen | uncovered) & (drawn.alpha > 0.5)
        confidences.append(drawn.confidence[there])
        errors.append(np.abs(np.clip(drawn.color, 0, 1) - new.colours).mean(axis=-1)[there])
    return np.concatenate(confidences), np.concatenate(errors)


def test_confidence_ranks_the_errors_of_held_out_views():
    """Spearman's rank correlation over deciles of confidence; where doubt falls on plain paint no error shows: many draws."""
    drawn = [held_out_errors(name, 0.1, seed) for name in SCENES for seed in range(3)]
    confidence, error = (np.concatenate(part) for part in zip(*drawn, strict=True))
    deciles = np.array_split(np.argsort(confidence, kind="stable"), 10)
    means = np.array([error[rows].mean() for rows in deciles])
    ranks = np.argsort(np.argsort(-means))
    assert np.corrcoef(ranks, np.arange(10))[0, 1] > 0.8
    assert means[0] > 2 * means[-1]


@pytest.mark.parametrize("name", SCENES)
def test_confidence_is_never_above_the_depths_own_and_less_at_edges(name):
    picture = photograph(name)
    estimate = estimate_of(picture)
    lifted = lift(estimate, picture.colours)
    confidence = lifted.splats.confidence
    assert (confidence <= CONFIDENCE + 1e-6).all()
    assert (confidence > 0).all()
    assert confidence.max() > 0.99 * CONFIDENCE
    assert np.median(confidence[lifted.splats.origin == PHOTOGRAPHED]) > 0.9 * CONFIDENCE
    assert (
        confidence[lifted.splats.origin == HIDDEN_LAYER].max()
        < confidence[lifted.splats.origin == PHOTOGRAPHED].min()
    )
