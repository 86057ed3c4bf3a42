"""Pictures do not depend on the tile size that the kernels were compiled with, nor on the threads that share the tiles."""

from contextlib import contextmanager

import numpy as np
import pytest
from built_kernels import build_variant
from pictures import assert_same_bits
from sanitized_scenes import camera, scene

from engine import kernels
from engine.kernels import rasterise
from engine.render import RenderOptions
from engine.render.rasteriser import render

TILES = [(8, 8), (16, 16), (64, 32)]
THREADS = [1, 2, 5]


@pytest.fixture(scope="module", params=TILES, ids=lambda tile: f"{tile[0]}x{tile[1]}")
def tiles(request, tmp_path_factory):
    """A context in which frames are made with tiles of another size."""
    width, height = request.param
    folder = tmp_path_factory.mktemp(f"tiles-{width}x{height}")
    build_variant({"TILE_WIDTH": width, "TILE_HEIGHT": height}, folder)

    @contextmanager
    def use():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernels, "LIBRARIES", folder)
            patch.setattr(rasterise, "TILE_WIDTH", width)
            patch.setattr(rasterise, "TILE_HEIGHT", height)
            forget()
            yield folder
        forget()

    return use


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """The build of which the others are variants."""
    monkeypatch.setenv("ANCHORSTAGE_KERNELS", "plain")
    forget()
    yield
    monkeypatch.undo()
    forget()


def forget() -> None:
    """Load the kernels anew at their next use."""
    kernels.load.cache_clear()


def frames():
    """Scenes, cameras and options: all passes, antialiased, colour alone; sizes that no tile divides."""
    random = np.random.default_rng(11)
    for size, options in [
        ((150, 90), {"photo_position": (0.0, 0.0, 1.0)}),
        ((97, 131), {"antialiased": True}),
        ((65, 33), {"color_only": True}),
        ((1, 1), {}),
    ]:
        splats = scene(random, 3000)
        # many equal depths: the order must then be the rows', whatever the tile
        yield splats.with_(positions=np.round(splats.positions, 1)), camera(random, *size), options


def test_the_tile_size_does_not_change_a_bit(tiles):
    shown = 0
    for splats, view, options in frames():
        usual = render(splats, view, RenderOptions(**options, threads=1))
        with tiles() as folder:
            for threads in THREADS:
                other = render(splats.with_(), view, RenderOptions(**options, threads=threads))
                assert_same_bits(usual, other)
            assert str(folder) in kernels.load()._name
        shown += int((usual.alpha > 0).sum())
    assert shown > 10_000
