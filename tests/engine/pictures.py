"""What tests say about whole pictures: all passes bit for bit the same, or within what every picture keeps to."""

from dataclasses import fields

import numpy as np

from engine.render import NOTHING_ALPHA, ProxyRender
from engine.splats.record import Splats

PASSES = [field.name for field in fields(ProxyRender) if field.name != "view"]


def assert_same_bits(first: ProxyRender, second: ProxyRender) -> None:
    """No pass differs in a single bit."""
    for name in PASSES:
        here, there = getattr(first, name), getattr(second, name)
        if here.tobytes() != there.tobytes():
            np.testing.assert_array_equal(here, there, err_msg=name)
            raise AssertionError(f"{name}: equal numbers of different bits, 0 and -0")


def assert_lawful(picture: ProxyRender, splats: Splats) -> None:
    """What holds of every picture of anything: no NaN, ranges kept, ids from the scene's own."""
    there = np.isfinite(picture.depth)
    np.testing.assert_array_equal(there, picture.alpha >= np.float32(NOTHING_ALPHA))
    assert (picture.depth > 0).all()  # and so no NaN
    assert np.isfinite(picture.color).all()
    assert ((picture.alpha >= 0) & (picture.alpha <= 1)).all()
    np.testing.assert_allclose(np.linalg.norm(picture.normal, axis=2), there, atol=1e-5)
    assert ((picture.confidence >= 0) & (picture.confidence <= 1)).all()
    assert (picture.confidence[~there] == 0).all()
    assert (picture.region[~there] == -1).all()
    np.testing.assert_array_equal(picture.origin == -1, ~there)
    for name in ("region", "origin"):
        assert np.isin(getattr(picture, name)[there], getattr(splats, name)).all(), name
