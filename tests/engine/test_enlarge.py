"""A coarse depth map enlarged along the picture's edges."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.depth.builtin.enlarge import enlarge
from engine.kernels import enlarge as kernel

FINE = 96, 128
COARSE = 24, 32


def disc(centre, radius):
    """(H, W) bool."""
    rows, columns = np.mgrid[: FINE[0], : FINE[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2


def coarse(depth):
    """Log depth as a network gives it: small, its edges smeared."""
    return np.log(
        cv2.GaussianBlur(cv2.resize(depth, COARSE[::-1], interpolation=cv2.INTER_AREA), (0, 0), 0.7)
    )


def painted(near):
    """A picture in which the near thing has a colour of its own, with a camera's noise."""
    noise = np.random.default_rng(3).normal(0, 0.015, (*FINE, 3))
    return (np.where(near[..., None], [0.8, 0.35, 0.2], [0.25, 0.4, 0.55]) + noise).astype(
        np.float32
    )


@settings(max_examples=20, deadline=None)
@given(st.floats(30, 66), st.floats(34, 94), st.floats(12, 28), st.floats(1.5, 4))
def test_a_smeared_silhouette_lies_on_the_pictures_edge_again(row, column, radius, ratio):
    near = disc((row, column), radius)
    depth = np.where(near, 2.0, 2.0 * ratio).astype(np.float32)
    found = enlarge(coarse(depth), painted(near))
    smooth = cv2.resize(coarse(depth), FINE[::-1], interpolation=cv2.INTER_LINEAR)
    wrong = np.abs(found - np.log(depth)) > 0.5 * np.log(ratio)
    rim = near != (cv2.erode(near.astype(np.uint8), np.ones((7, 7))) > 0)
    between = np.abs(np.exp(found) - depth) > 0.1 * depth
    blurred = np.abs(np.exp(smooth) - depth) > 0.1 * depth
    assert wrong.sum() < 0.1 * rim.sum()
    assert between.sum() < 0.5 * blurred.sum()


@settings(max_examples=20, deadline=None)
@given(st.floats(-0.03, 0.03), st.floats(-0.03, 0.03), st.integers(0, 9))
def test_a_surface_without_steps_is_interpolated_whatever_is_painted_on_it(across, down, seed):
    rows, columns = np.mgrid[: COARSE[0], : COARSE[1]]
    log = (1.5 + across * columns + down * rows).astype(np.float32)
    colours = np.random.default_rng(seed).uniform(0, 1, (*FINE, 3)).astype(np.float32)
    np.testing.assert_array_equal(
        enlarge(log, colours), cv2.resize(log, FINE[::-1], interpolation=cv2.INTER_LINEAR)
    )


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 40), st.integers(1, 60), st.integers(1, 9), st.integers(1, 9), st.integers(0, 99)
)
def test_any_sizes_stay_within_the_range(height, width, h, w, seed):
    random = np.random.default_rng(seed)
    cells = random.uniform(-2, 5, (h, w)).astype(np.float32)
    found = enlarge(cells, random.uniform(0, 1, (height, width, 3)).astype(np.float32))
    assert found.shape == (height, width)
    assert found.min() >= cells.min() - 1e-5
    assert found.max() <= cells.max() + 1e-5


def twin(cells, small, colours, pixels):
    """The kernel's rule, (M,) for pixels (M, 2), in plain NumPy and float64."""
    ratio = np.array(cells.shape) / colours.shape[:2]
    values = np.empty(len(pixels))
    steps = np.mgrid[-2:3, -2:3].reshape(2, -1).T
    for number, pixel in enumerate(pixels):
        place = (pixel + 0.5) * ratio - 0.5
        at = np.clip(np.floor(place + 0.5).astype(int) + steps, 0, np.array(cells.shape) - 1)
        value = cells[tuple(at.T)].astype(float)
        away = ((at - place) ** 2).sum(1) / (2 * 1.2**2)
        unlike = ((small[tuple(at.T)].astype(float) - colours[tuple(pixel)]) ** 2).sum(1) / (
            2 * 0.07**2
        )
        middle = (value.max() + value.min()) / 2
        weight = (1 + away / 4) ** -4.0 * ((1 + unlike / 4) ** -4.0 + 1e-3) * (value - middle) ** 2
        far = value > middle
        side = far if weight[far].sum() > weight[~far].sum() else ~far
        values[number] = weight[side] @ value[side] / weight[side].sum()
    return values


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_and_its_twin_agree(seed):
    random = np.random.default_rng(seed)
    cells = random.uniform(0, 3, COARSE).astype(np.float32)
    small, colours = (
        random.uniform(0, 0.3, (*size, 3)).astype(np.float32) for size in (COARSE, FINE)
    )
    out, everywhere = np.zeros(FINE, np.float32), np.ones(COARSE, np.uint8)
    kernel.enlarge(range(FINE[0]), colours, cells, small, everywhere, out)
    pixels = np.argwhere(random.uniform(0, 1, FINE) < 0.05)
    off = np.abs(out[tuple(pixels.T)] - twin(cells, small, colours, pixels))
    assert np.mean(off > 1e-4) < 0.005  # a rounding may tip a pixel that stands between both sides
