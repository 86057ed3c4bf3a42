"""Photos that say little or mislead: each becomes a scene that is usable, doubts itself, and says so in a sentence."""

import cv2
import numpy as np
import pytest
from hard_photos import HARD, NOTHING, street

from engine.errors import ImageError
from engine.jobs import Desk, run_job
from engine.render import VOID_ALPHA
from engine.render.rasteriser import render
from engine.scene.folder import open_scene

MOST_SPLATS = 40_000
LEAST_DB = 16  # pure noise gives 17 dB, an ordinary photo over 30
SURE = 0.5  # what a scene that deserves a small move has
UNSURE = 0.3


def scene_of(picture, folder):
    """The scene of a picture (H, W, 3), 0..1, made and opened again, and the job's summary."""
    cv2.imwrite(str(folder / "photo.png"), np.rint(picture[..., ::-1] * 255).astype(np.uint8))
    target = folder / "s.anchorstage"
    args = {"output": str(target), "max_splats": MOST_SPLATS}
    made = run_job("reconstruct", args, Desk.local(lends={"photo": folder / "photo.png"}))
    return open_scene(target), made


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory):
    """The confidence of a photo that deserves some."""
    return scene_of(street(), tmp_path_factory.mktemp("street"))[1]["confidence"]


def test_an_ordinary_photo_is_trusted(ordinary):
    assert ordinary > SURE


@pytest.mark.parametrize("name", HARD)
def test_a_hard_photo_is_a_usable_scene_in_doubt(name, tmp_path, ordinary):
    picture = HARD[name]()
    scene, made = scene_of(picture, tmp_path)
    splats, maps = scene.splats, scene.maps
    assert 0 < len(splats) <= MOST_SPLATS
    assert all(
        np.isfinite(part).all()
        for part in (splats.positions, splats.scales, splats.rotations, splats.colors)
    )
    assert np.isfinite(maps.depth).all()
    assert (maps.depth > 0).all()
    view = scene.photo_view
    drawn = render(splats, view)
    target = cv2.resize(picture, (view.width, view.height), interpolation=cv2.INTER_AREA)
    assert (drawn.alpha < VOID_ALPHA).mean() < 0.001
    assert -10 * np.log10(np.mean((np.clip(drawn.color, 0, 1) - target) ** 2) + 1e-9) > LEAST_DB
    assert made["confidence"] < ordinary
    assert (splats.confidence >= 0).all()
    assert all(warning.endswith(".") and "\n" not in warning for warning in made["warnings"])


@pytest.mark.parametrize("name", NOTHING)
def test_where_nothing_can_be_measured_it_says_so(name, tmp_path):
    _, made = scene_of(HARD[name](), tmp_path)
    assert made["confidence"] < UNSURE
    assert len(made["warnings"]) == 1
    assert "guess" in made["warnings"][0]


def test_a_single_pixel_is_one_sentence_and_leaves_nothing(tmp_path):
    with pytest.raises(ImageError, match="at least 64 pixels"):
        scene_of(np.ones((1, 1, 3)), tmp_path)
    assert not (tmp_path / "s.anchorstage").exists()
