"""The command line, as a shell calls it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from scenes import colours, scene

from engine import image
from engine.colour import encode_srgb
from engine.errors import RenderError
from engine.export import contract_names
from engine.exr import read_exr
from engine.formats.ply import read_ply
from engine.jobs import ReconstructOptions, reconstruct
from engine.progress import Progress
from engine.render import RenderOptions
from engine.render.rasteriser import render
from engine.scene.folder import open_scene, save
from engine.splats.record import PHOTOGRAPHED

COMMAND = [str(Path(sys.executable).with_name("anchorstage"))]


def anchorstage(*arguments, folder=None, status=0, **environment):
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=240,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done


def refused(*arguments, **options):
    """The one sentence of a refusal."""
    done = anchorstage(*arguments, status=2, **options)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("anchorstage: ")
    return lines[0]


@pytest.fixture
def photo(tmp_path):
    """A small picture in a folder with a difficult name."""
    folder = tmp_path / "ordner mit ümlaut"
    folder.mkdir()
    picture = cv2.resize((colours(160, 120) * 255).astype(np.uint8), (320, 240))
    _, data = cv2.imencode(".png", picture)
    path = folder / "bild 写真.png"
    path.write_bytes(data.tobytes())
    return path


def psnr(a, b):
    return -10 * np.log10(np.mean((np.clip(a, 0, 1) - b) ** 2))


def own_view_db(folder, photo):
    """How close a scene's picture from the photo's camera comes to the photo."""
    made = open_scene(folder)
    height, width = made.maps.depth.shape
    drawn = render(made.splats, made.cameras[0].view(width, height), RenderOptions(color_only=True))
    return psnr(drawn.color, image.read(photo).encoded(width, height))


def test_a_fit_brings_the_splats_closer_to_the_photo(tmp_path):
    blocks = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    photo = tmp_path / "blocks.png"
    photo.write_bytes(
        cv2.imencode(".png", cv2.resize(blocks, (240, 180), interpolation=cv2.INTER_NEAREST))[
            1
        ].tobytes()
    )
    anchorstage("reconstruct", photo, "-o", tmp_path / "plain.anchorstage")
    done = anchorstage(
        "reconstruct", photo, "-o", tmp_path / "fit.anchorstage", "--fit", 15, "--json"
    )
    assert json.loads(done.stdout)["seconds"]["fit"] > 0
    assert (
        own_view_db(tmp_path / "fit.anchorstage", photo)
        > own_view_db(tmp_path / "plain.anchorstage", photo) + 1
    )
    plain, fitted = (
        open_scene(tmp_path / f"{name}.anchorstage").splats for name in ("plain", "fit")
    )
    unseen = plain.origin != PHOTOGRAPHED  # nothing in the photo says anything of them
    assert unseen.any()
    for name in ("positions", "scales", "rotations", "opacities", "colors"):
        assert np.array_equal(getattr(plain, name)[unseen], getattr(fitted, name)[unseen])
    assert not np.array_equal(plain.colors[~unseen], fitted.colors[~unseen])


def test_a_fit_without_torch_is_refused_before_any_work(photo, tmp_path, monkeypatch):
    here = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name == "torch" else here(name, *rest),
    )
    stages = []
    options = ReconstructOptions(photo=str(photo), output=str(tmp_path / "s.anchorstage"), fit=3)
    with pytest.raises(RenderError, match="PyTorch"):
        reconstruct(options, Progress(lambda part, stage: stages.append(stage)))
    assert not stages
    assert not (tmp_path / "s.anchorstage").exists()


def test_photo_to_exrs_from_a_shell(china, tmp_path):
    """The two commands of the README; the photo's own camera gives the photo."""
    done = anchorstage("reconstruct", china, "-o", "x.anchorstage", "--json", folder=tmp_path)
    result = json.loads(done.stdout)
    assert {"image", "depth", "splats", "regions", "colours", "save"} <= set(result["seconds"])
    assert result["splats"] > 200_000
    out = json.loads(
        anchorstage(
            "render", "x.anchorstage", "--size", "640x427", "-o", "self", "--json", folder=tmp_path
        ).stdout
    )
    channels, header = read_exr(Path(tmp_path / "self" / "shot.0001.exr"))
    assert out["frames"] == 1
    rendered = encode_srgb(np.stack([channels[name] for name in "RGB"], axis=-1))
    original = cv2.cvtColor(cv2.imread(str(china)), cv2.COLOR_BGR2RGB).astype(np.float32) / 255
    assert psnr(rendered, original) > 30
    assert channels["A"].min() > 0.95
    made = open_scene(tmp_path / "x.anchorstage")
    assert np.median(np.abs(channels["depth.Z"] / made.maps.depth - 1)) < 0.01
    assert_header_reprojects(header, made, channels)


def assert_header_reprojects(header, made, channels):
    """A splat through `worldToCamera` and the lens, and through `worldToNDC`, lands where the engine draws it."""
    height, width = channels["A"].shape
    points = np.c_[
        made.splats.positions[::5000].astype(float), np.ones(len(made.splats.positions[::5000]))
    ]
    expected, depth = made.camera().view(width, height).project(points[:, :3])
    camera = points @ np.array(header["worldToCamera"], float)
    focal = float(header["pinholeFocalLength"])
    aperture = float(np.asarray(header["sensorOverallDimensions"], float)[0])
    u = width / 2 + camera[:, 0] / camera[:, 2] * focal / aperture * width
    v = height / 2 - camera[:, 1] / camera[:, 2] * focal / aperture * width
    assert np.allclose(np.c_[u, v], expected, atol=0.05)
    assert np.allclose(camera[:, 2], depth, rtol=1e-4)
    ndc = points @ np.array(header["worldToNDC"], float)
    assert np.allclose(ndc[:, :2] / ndc[:, 3:] * [width, height], expected, atol=0.05)


def test_move_writes_exactly_the_contract(tmp_path):
    save(scene(), tmp_path / "s.anchorstage")
    arguments = (
        "render",
        "s.anchorstage",
        "--move",
        "dolly:0.5",
        "--frames",
        4,
        "--size",
        "160x90",
        "-o",
        "out",
    )
    done = json.loads(anchorstage(*arguments, "--json", folder=tmp_path).stdout)
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["metadata.json", "region_masks", *(f"shot.{i:04d}.exr" for i in range(1, 5))]
    assert [Path(file).name for file in done["files"]] == names[2:]
    channels, _ = read_exr(tmp_path / "out" / "shot.0004.exr")
    assert sorted(channels) == sorted(contract_names(["ground", "facade_001"]))
    metadata = json.loads((tmp_path / "out" / "metadata.json").read_text(encoding="utf-8"))
    travelled = [frame["camera"]["position"][1] for frame in metadata["frames"]]
    assert np.allclose(travelled, [0, 1 / 6, 1 / 3, 0.5])
    assert len(list((tmp_path / "out" / "region_masks").glob("*.png"))) == 8
    assert "holds frames" in refused(*arguments, folder=tmp_path)
    anchorstage(*arguments, "--overwrite", folder=tmp_path)


def test_what_the_user_knows_is_used(photo, tmp_path):
    options = ("--focal-px", 400, "--camera-height", 3.5, "--max-splats", 5000, "--json")
    done = json.loads(
        anchorstage("reconstruct", photo, "-o", tmp_path / "s.anchorstage", *options).stdout
    )
    camera = done["camera"]
    assert camera["focal_length"] / camera["sensor_width"] * 320 == pytest.approx(400, rel=1e-3)
    assert camera["position"][2] == pytest.approx(3.5, rel=1e-3)
    assert done["splats"] <= 5000
    assert len(read_ply(tmp_path / "s.anchorstage" / "splats.ply")) == done["splats"]


def test_info_in_words_and_in_json(tmp_path):
    save(scene(), tmp_path / "s.anchorstage")
    words = anchorstage("info", "s.anchorstage", folder=tmp_path).stdout
    assert "3,072 splats" in words
    assert "facade_001" in words
    record = json.loads(anchorstage("info", "s.anchorstage", "--json", folder=tmp_path).stdout)
    assert record["camera"]["id"] == "photo"


def test_rescale_makes_a_measured_distance_true(tmp_path):
    """Two points of the wall 8 m away, 40 pixels apart at a focal length of 60: 5.33 m before, 10 m after."""
    save(scene(), tmp_path / "s.anchorstage")
    arguments = ("rescale", "s.anchorstage", "--distance", 10, "--points", "10,10", "50,10")
    done = json.loads(anchorstage(*arguments, "--json", folder=tmp_path).stdout)
    assert done["factor"] == pytest.approx(10 / (8 * 40 / 60), rel=1e-4)
    again = open_scene(tmp_path / "s.anchorstage")
    assert again.camera("photo").position[2] == pytest.approx(1.6 * done["factor"], rel=1e-6)
    words = anchorstage("rescale", "s.anchorstage", "--camera-height", 1.6, folder=tmp_path).stdout
    assert "times as large" in words
    assert open_scene(tmp_path / "s.anchorstage").camera("photo").position[2] == pytest.approx(
        1.6, rel=1e-9
    )


BAD_ARGUMENTS = {
    "no length": ["rescale", "s.anchorstage"],
    "two lengths": [
        "rescale",
        "s.anchorstage",
        "--camera-height",
        "2",
        "--distance",
        "2",
        "--points",
        "1,1",
        "9,9",
    ],
    "length without points": ["rescale", "s.anchorstage", "--distance", "2"],
    "one point": ["rescale", "s.anchorstage", "--distance", "2", "--points", "1,1"],
    "equal points": ["rescale", "s.anchorstage", "--distance", "2", "--points", "1,1", "1,1"],
    "words as points": ["rescale", "s.anchorstage", "--distance", "2", "--points", "here", "there"],
    "points outside": ["rescale", "s.anchorstage", "--distance", "2", "--points", "1,1", "900,1"],
    "no number": ["rescale", "s.anchorstage", "--camera-height", "nan"],
    "a height in words": ["rescale", "s.anchorstage", "--camera-height", "tall"],
    "foot above top": [
        "rescale",
        "s.anchorstage",
        "--object-height",
        "2",
        "--points",
        "10,30",
        "10,10",
    ],
    "rescale nothing": ["rescale", "none.anchorstage", "--camera-height", "2"],
    "no command": [],
    "unknown command": ["fly"],
    "missing photo": ["reconstruct", "none.jpg", "-o", "x.anchorstage"],
    "folder as photo": ["reconstruct", ".", "-o", "x.anchorstage"],
    "text as photo": ["reconstruct", "text.jpg", "-o", "x.anchorstage"],
    "empty photo": ["reconstruct", "empty.jpg", "-o", "x.anchorstage"],
    "one pixel": ["reconstruct", "one.png", "-o", "x.anchorstage"],
    "no output": ["reconstruct", "text.jpg"],
    "negative height": ["reconstruct", "good.png", "-o", "x.anchorstage", "--camera-height", "-1"],
    "two focal lengths": [
        "reconstruct",
        "good.png",
        "-o",
        "x.anchorstage",
        "--focal-px",
        "9",
        "--focal-mm",
        "9",
    ],
    "no splats": ["reconstruct", "good.png", "-o", "x.anchorstage", "--max-splats", "0"],
    "unknown depth": ["reconstruct", "good.png", "-o", "x.anchorstage", "--depth", "magic"],
    "fit below nothing": ["reconstruct", "good.png", "-o", "x.anchorstage", "--fit", "-1"],
    "fit of what is taken as it is": [
        "reconstruct",
        "good.png",
        "-o",
        "x.anchorstage",
        "--fit",
        "3",
        "--depth",
        "sharp",
    ],
    "no depth folder": ["reconstruct", "good.png", "-o", "x.anchorstage", "--depth-folder", "none"],
    "scene as depth folder": [
        "reconstruct",
        "good.png",
        "-o",
        "x.anchorstage",
        "--depth-folder",
        "s.anchorstage",
    ],
    "download without a yes": ["models", "--download", "depth-pro"],
    "download of nothing known": ["models", "--download", "magic", "--yes"],
    "output below a file": ["reconstruct", "good.png", "-o", "text.jpg/x.anchorstage"],
    "occupied output": ["reconstruct", "good.png", "-o", "s.anchorstage"],
    "missing scene": ["render", "none.anchorstage", "-o", "out"],
    "no scene": ["info", "."],
    "unknown move": ["render", "s.anchorstage", "-o", "out", "--move", "fly:1"],
    "no frames": ["render", "s.anchorstage", "-o", "out", "--frames", "0"],
    "no size": ["render", "s.anchorstage", "-o", "out", "--size", "big"],
    "empty size": ["render", "s.anchorstage", "-o", "out", "--size", "0x10"],
    "huge size": ["render", "s.anchorstage", "-o", "out", "--size", "99999x10"],
    "output is a file": ["render", "s.anchorstage", "-o", "text.jpg"],
    "no fps": ["render", "s.anchorstage", "-o", "out", "--fps", "0"],
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with a scene, a good picture and bad ones."""
    folder = tmp_path_factory.mktemp("desk")
    save(scene(), folder / "s.anchorstage")
    (folder / "text.jpg").write_text("hello")
    (folder / "empty.jpg").write_bytes(b"")
    for name, size in (("one", (1, 1)), ("good", (96, 80))):
        _, data = cv2.imencode(".png", (colours(*size) * 255).astype(np.uint8))
        (folder / f"{name}.png").write_bytes(data.tobytes())
    return folder


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_bad_input_is_one_sentence_and_writes_nothing(desk, case):
    before = sorted(p.name for p in desk.iterdir())
    refused(*BAD_ARGUMENTS[case], folder=desk)
    assert sorted(p.name for p in desk.iterdir()) == before


def test_models_are_listed_with_licence_size_and_place(tmp_path):
    home = {"ANCHORSTAGE_MODELS": str(tmp_path / "models"), "HF_HUB_CACHE": str(tmp_path / "hub")}
    done = json.loads(anchorstage("models", "--json", folder=tmp_path, **home).stdout)
    assert done["folder"] == str(tmp_path / "models")
    rows = {row["name"]: row for row in done["models"]}
    assert {"zoedepth", "depth-pro", "sharp", "depth-anything-v2-indoor-small"} <= set(rows)
    assert not any(row["installed"] for row in rows.values())
    (tmp_path / "models" / "zoedepth").mkdir(parents=True)
    (tmp_path / "models" / "zoedepth" / "config.json").write_text("{}")
    words = anchorstage("models", folder=tmp_path, **home).stdout
    for row in rows.values():
        line = next(line for line in words.splitlines() if line.startswith(row["name"] + ":"))
        assert row["licence"] in line
        assert f"{row['megabytes']} MB" in line
        assert ("no commercial use" in line) != row["commercial"]
        assert ("not on this machine" in line) == (row["name"] != "zoedepth")
