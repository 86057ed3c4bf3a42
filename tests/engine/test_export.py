"""The EXR contract: channels, header, whole files; finishing what Blender wrote; a shot on disk."""

import struct
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from engine import export
from engine.camera import Camera, View
from engine.errors import ExportError, OutputError
from engine.export.contract import BASE_CHANNELS, NOTHING_DEPTH
from engine.export.exr_header import world_to_camera, world_to_ndc
from engine.export.finish import finish, rename
from engine.export.metadata import angle_confidence, frame_confidence
from engine.export.packed import frame_planes, write_planes
from engine.export.sequence import write_sequence
from engine.exr import read_exr, write_exr
from engine.geometry import LOOK_ALONG_Y, pose, rotation_about
from engine.regions import Region
from engine.render import ProxyRender, RenderOptions
from engine.render.rasteriser import render
from engine.scene import PHOTO_CAMERA, Maps, Scene
from engine.splats import Splats
from engine.store import read_json

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 48, 32

numbers = st.floats(-20, 20)
vectors = st.tuples(numbers, numbers, numbers).map(np.array)


@st.composite
def views(draw) -> View:
    """Any pinhole that looks anywhere."""
    width, height = draw(st.integers(1, 4000)), draw(st.integers(1, 4000))
    axis = draw(vectors.filter(lambda v: np.linalg.norm(v) > 0.1))
    rotation = rotation_about(axis, draw(st.floats(-3, 3))) @ LOOK_ALONG_Y
    focal = st.floats(0.2, 5).map(lambda factor: factor * width)
    centre = draw(st.floats(-0.5, 1.5)) * width, draw(st.floats(-0.5, 1.5)) * height
    return View(draw(focal), draw(focal), *centre, width, height, pose(rotation, draw(vectors)))


def camera_points(draw_points: np.ndarray, view: View) -> np.ndarray:
    """World points from points in front of the camera."""
    return draw_points @ view.world_from_camera[:3, :3].T + view.position


def row(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Imath's convention: row vectors times the matrix, homogeneous."""
    return np.column_stack([points, np.ones(len(points))]) @ matrix


in_front = hnp.arrays(float, (5, 3), elements=st.floats(-3, 3)).map(
    lambda p: p + np.array([0, 0, 5])
)


@given(views(), in_front)
def test_world_to_ndc_is_the_view_from_the_upper_left_corner_to_the_lower_right(view, points):
    world = camera_points(points, view)
    ndc = row(world, world_to_ndc(view))
    pixels, _ = view.project(world)
    assert np.allclose(
        ndc[:, :2] / ndc[:, 3:] * [view.width, view.height], pixels, rtol=1e-6, atol=1e-4
    )


@given(views(), in_front)
def test_world_to_ndc_depth_is_0_at_the_near_plane_and_grows_to_1(view, points):
    ndc = row(camera_points(points, view), world_to_ndc(view))
    assert np.allclose(ndc[:, 2] / ndc[:, 3], 1 - export.NEAR / points[:, 2], atol=1e-6)


@given(views(), in_front)
def test_world_to_camera_is_x_right_y_up_z_forward(view, points):
    camera = row(camera_points(points, view), world_to_camera(view))
    assert np.allclose(camera[:, :3], points * [1, -1, 1], atol=1e-6)
    assert np.allclose(camera[:, 3], 1)
    assert np.linalg.det(world_to_camera(view)) == pytest.approx(-1)


@given(views(), st.floats(1, 100))
def test_focal_length_over_sensor_is_the_views_field_of_view(view, sensor_width):
    header = export.header(view, Camera.from_view("a", view, sensor_width), 1, 24, {})
    width, height = header["sensorOverallDimensions"]
    assert header["pinholeFocalLength"] / width == pytest.approx(view.fx / view.width, rel=1e-5)
    assert header["pinholeFocalLength"] / height == pytest.approx(view.fy / view.height, rel=1e-5)


@pytest.mark.parametrize(
    ("fps", "rational"),
    [
        (24, Fraction(24)),
        (24 / 1.001, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (59.94, Fraction(60000, 1001)),
        (12.5, Fraction(25, 2)),
        (Fraction(25), Fraction(25)),
    ],
)
def test_frame_rate_is_the_rational_that_is_meant(fps, rational):
    assert export.frame_rate(fps) == rational


def a_view(width: int = WIDTH, height: int = HEIGHT, position=(0.0, 0.0, 1.6)) -> View:
    return View(
        40.0,
        40.0,
        width / 2 + 1.5,
        height / 2 - 0.5,
        width,
        height,
        pose(LOOK_ALONG_Y, np.array(position)),
    )


def a_wall(view: View, depth: float = 4.0, gap: float = 0.0) -> Splats:
    """A wall of splats before the camera, one a pixel; without the leftmost part `gap` of the picture."""
    points = view.unproject(np.full((view.height, view.width), depth)).reshape(-1, 3)
    columns = np.tile(np.arange(view.width), view.height)
    points = points[columns >= gap * view.width]
    count = len(points)
    spread = depth / view.fx
    rng = np.random.default_rng(3)
    return Splats(
        positions=points,
        scales=np.tile([spread, 0.001, spread], (count, 1)),
        rotations=np.tile([1.0, 0, 0, 0], (count, 1)),
        opacities=np.full(count, 0.98),
        colors=rng.uniform(0.1, 0.9, (count, 3)),
        confidence=np.full(count, 0.9),
        region=(points[:, 2] > view.position[2]).astype(int),
        origin=np.zeros(count),
    )


def a_scene(view: View, splats: Splats, uncertainty: float = 0.0) -> Scene:
    shape = (view.height, view.width)
    upper = np.zeros(shape, bool)
    upper[: view.height // 2] = True
    maps = Maps(
        np.full(shape, 4.0, np.float32),
        np.full(shape, uncertainty, np.float32),
        np.tile(np.float32([0, -1, 0]), (*shape, 1)),
        np.full(shape, 0.9, np.float32),
    )
    plane = np.array([0, -1, 0, 4.0])
    return Scene(
        name="wall",
        photo=None,
        splats=splats,
        cameras=(Camera.from_view(PHOTO_CAMERA, view),),
        maps=maps,
        regions=(
            Region("ground", "ground", ~upper),
            Region("facade_001", "facade", upper, plane, locked=True),
        ),
    )


def a_picture(view: View, splats: Splats) -> ProxyRender:
    return render(splats, view, RenderOptions(photo_position=(0.0, 0.0, 1.6)))


@pytest.fixture(scope="module")
def picture() -> ProxyRender:
    view = a_view()
    return a_picture(view, a_wall(view, gap=0.3))


REGIONS = ["ground", "facade_001"]
CONTRACT = [*BASE_CHANNELS, "region_ground.A", "region_facade_001.A"]


def test_a_frame_has_exactly_the_contracts_channels_in_its_order(picture):
    channels = export.frame_channels(picture, REGIONS)
    assert list(channels) == CONTRACT == export.contract_names(REGIONS)
    assert {(plane.dtype.name, plane.shape) for plane in channels.values()} == {
        ("float32", (HEIGHT, WIDTH))
    }


def test_where_nothing_is_the_frame_says_so(picture):
    channels = export.frame_channels(picture, REGIONS)
    nothing = np.isinf(picture.depth)
    assert nothing.any()
    assert not nothing.all()
    assert (channels["depth.Z"][nothing] == NOTHING_DEPTH).all()
    assert (channels["depth.Z"][~nothing] < 100).all()
    assert (channels["origin.A"][nothing] == -1).all()
    assert (channels["void.A"][nothing] == 1).all()
    for name in (
        "A",
        "normal.X",
        "position.Y",
        "confidence.A",
        "region_ground.A",
        "region_facade_001.A",
    ):
        assert (np.abs(channels[name][nothing]) < 1 / 255).all(), name


def test_position_and_depth_lie_on_the_pixels_ray(picture):
    channels = export.frame_channels(picture, REGIONS)
    there = channels["depth.Z"] < NOTHING_DEPTH
    points = np.stack([channels[f"position.{axis}"] for axis in "XYZ"], axis=-1)[there]
    rows, columns = np.nonzero(there)
    ndc = row(points.astype(float), world_to_ndc(picture.view))
    assert np.allclose(ndc[:, 0] / ndc[:, 3] * WIDTH, columns + 0.5, atol=1e-3)
    assert np.allclose(ndc[:, 1] / ndc[:, 3] * HEIGHT, rows + 0.5, atol=1e-3)
    assert np.allclose(
        row(points, world_to_camera(picture.view))[:, 2], channels["depth.Z"][there], rtol=1e-5
    )


def test_the_headers_matrix_finds_a_splat_in_the_picture(tmp_path):
    view = a_view()
    splat = a_wall(view).select(np.array([9 * WIDTH + 33])).with_(scales=np.full((1, 3), 0.02))
    shot = a_picture(view, splat)
    path = tmp_path / "one.exr"
    write_exr(path, export.frame_channels(shot, []), export.header(view, None, 1, 24, {}))
    channels, header = read_exr(path)
    ndc = row(splat.positions.astype(float), header["worldToNDC"].astype(float))[0]
    brightest = np.unravel_index(np.argmax(channels["A"]), channels["A"].shape)
    assert (int(ndc[1] / ndc[3] * HEIGHT), int(ndc[0] / ndc[3] * WIDTH)) == brightest == (9, 33)


@given(st.lists(st.text(max_size=60), unique=True, max_size=6))
def test_region_layers_are_distinct_names_that_nuke_keeps(ids):
    layers = export.region_layers(ids)
    assert len(set(layers)) == len(ids)
    assert all(
        layer.isascii() and layer.replace("_", "a").isalnum() and layer.startswith("region_")
        for layer in layers
    )


floats = hnp.arrays(
    np.float32, (3, 5), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)
)


@settings(max_examples=25)
@given(floats, hnp.arrays(np.float16, (3, 5), elements=st.floats(-1000, 1000, width=16)))
def test_writing_and_reading_keeps_every_bit_and_type(tmp_path_factory, single, half):
    path = tmp_path_factory.mktemp("exr") / "ä ö.exr"
    planes = {"R": single, "x.Y": half, "id.A": np.arange(15, dtype=np.uint32).reshape(3, 5)}
    write_exr(path, planes, {})
    read, _ = read_exr(path)
    assert {name: plane.tobytes() for name, plane in planes.items()} == {
        name: p.tobytes() for name, p in read.items()
    }
    assert {name: plane.dtype for name, plane in planes.items()} == {
        name: p.dtype for name, p in read.items()
    }


def attribute_types(path: Path) -> dict[str, str]:
    """The type of each attribute as the file names it."""
    data, at, found = path.read_bytes(), 8, {}
    while data[at]:
        name_end = data.index(0, at)
        type_end = data.index(0, name_end + 1)
        (size,) = struct.unpack_from("<i", data, type_end + 1)
        found[data[at:name_end].decode()] = data[name_end + 1 : type_end].decode()
        at = type_end + 5 + size
    return found


def test_the_header_has_the_standards_types_and_reads_back(tmp_path):
    view, path = a_view(), tmp_path / "a.exr"
    metadata = {
        "scene": "wäll",
        "void_coverage": 0.25,
        "splats": 7,
        "photo_camera": {"id": "photo"},
        "empty": "",
        "none": None,
    }
    header = export.header(view, Camera.from_view("cam", view), 12, 24 / 1.001, metadata)
    write_exr(path, {"R": np.zeros((HEIGHT, WIDTH), np.float32)}, header)
    types = attribute_types(path)
    standard = {
        "worldToCamera": "m44f",
        "worldToNDC": "m44f",
        "pinholeFocalLength": "float",
        "sensorOverallDimensions": "v2f",
    }
    standard |= {
        "framesPerSecond": "rational",
        "imageCounter": "int",
        "chromaticities": "chromaticities",
    }
    ours = {
        "anchorstage/scene": "string",
        "anchorstage/void_coverage": "float",
        "anchorstage/splats": "int",
    }
    ours |= {"anchorstage/photo_camera": "string", "anchorstage/camera": "string"}
    assert standard.items() <= types.items()
    assert {name: kind for name, kind in types.items() if name.startswith("anchorstage/")} == ours
    _, read = read_exr(path)
    assert np.array_equal(read["worldToCamera"], world_to_camera(view).astype(np.float32))
    assert read["framesPerSecond"] == Fraction(24000, 1001)
    assert read["imageCounter"] == 12
    assert read["chromaticities"] == pytest.approx(
        (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)
    )
    assert read["anchorstage/scene"] == "wäll"
    assert read["pinholeFocalLength"] == pytest.approx(40 / WIDTH * 36)


def test_a_file_is_single_part_zip(tmp_path):
    write_exr(tmp_path / "a.exr", {"R": np.zeros((4, 4), np.float32)}, {})
    file = OpenEXR.File(str(tmp_path / "a.exr"))
    assert len(file.parts) == 1
    assert file.header()["compression"] == OpenEXR.ZIP_COMPRESSION


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_disk_that_fills_up_leaves_the_file_that_was_there(tmp_path):
    path = tmp_path / "a.exr"
    path.write_bytes(b"the frame before")
    code = (
        "import resource, sys, numpy as np\n"
        "from pathlib import Path\n"
        "from engine import errors\n"
        "from engine.exr import write_exr\n"
        "planes = {'R': np.random.default_rng(0).random((64, 64), np.float32)}\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)\n"
        "try:\n    write_exr(Path(sys.argv[1]), planes, {})\n"
        "except errors.OutputError as error:\n    sys.exit(7)\n"
    )
    for limit in (100, 9_000, 15_000):
        done = subprocess.run(
            [sys.executable, "-c", code, str(path), str(limit)], cwd=ROOT, capture_output=True
        )
        assert done.returncode == 7, done.stderr.decode()
        assert path.read_bytes() == b"the frame before"
        assert [entry.name for entry in tmp_path.iterdir()] == ["a.exr"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="could not be written"):
        write_exr(tmp_path / "file" / "a.exr", {"R": np.zeros((4, 4), np.float32)}, {})


@pytest.mark.parametrize("content", [b"", b"not an EXR", None])
def test_what_is_no_exr_is_one_sentence(tmp_path, content):
    path = tmp_path / "a.exr"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ExportError, match="Render the frame again"):
        read_exr(path)


def test_a_truncated_exr_is_one_sentence(tmp_path):
    path = tmp_path / "a.exr"
    write_exr(path, {"R": np.random.default_rng(0).random((64, 64), np.float32)}, {})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ExportError, match="not a complete EXR"):
        read_exr(path)


NODE_NAMES = {
    **{f"Image.{c}": c for c in "RGBA"},
    "Depth.V": "depth.Z",
    **{f"Normal.{c}": f"normal.{c}" for c in "XYZ"},
    **{f"Position.{c}": f"position.{c}" for c in "XYZ"},
    **{"Confidence.V": "confidence.A", "Void.V": "void.A", "Origin.V": "origin.A"},
    **{"region_ground.V": "region_ground.A", "region_facade_001.V": "region_facade_001.A"},
}
DIRECT_NAMES = {
    **{f"ViewLayer.Combined.{c}": c for c in "RGBA"},
    "ViewLayer.Depth.Z": "depth.Z",
    **{f"ViewLayer.Normal.{c}": f"normal.{c}" for c in "XYZ"},
    **{"ViewLayer.Void.X": "void.A", "ViewLayer.region_ground.X": "region_ground.A"},
}


def test_blenders_names_become_the_contracts():
    assert rename(NODE_NAMES) == NODE_NAMES
    assert sorted(NODE_NAMES.values()) == sorted(CONTRACT)
    assert rename(DIRECT_NAMES) == DIRECT_NAMES


def test_what_the_artist_added_keeps_its_name():
    foreign = [
        "Grade.R",
        "Matte.V",
        "Composite.Combined.R",
        "Second.Depth.Z",
        "Y",
        "Depth.Depth",
        "region_.V",
    ]
    renamed = rename([*DIRECT_NAMES, *foreign, "Aside.Depth.Z"])
    assert {name: renamed[name] for name in foreign if name != "Second.Depth.Z"} == {
        name: name for name in foreign if name != "Second.Depth.Z"
    }
    assert sorted(name for name in renamed if renamed[name] == "depth.Z") == ["Aside.Depth.Z"]


words = st.sampled_from(
    ["Image", "Combined", "Depth", "depth", "Void", "region_a", "Grade", "Composite", "View"]
)
letters = st.sampled_from(["R", "A", "V", "X", "Z", "Y"])
channel_names = st.lists(
    st.tuples(st.lists(words, max_size=2), letters).map(lambda p: ".".join([*p[0], p[1]])),
    unique=True,
)


@given(channel_names)
def test_renaming_loses_no_channel_and_twice_is_once(names):
    once = rename(names)
    assert list(once) == names
    assert len(set(once.values())) == len(names)
    again = rename(once.values())
    assert list(again) == list(again.values())


@pytest.fixture
def from_blender(tmp_path, picture):
    """A file as Blender's File Output node writes it, and its planes by the contract's names."""
    planes = export.frame_channels(picture, REGIONS)
    names = {ours: theirs for theirs, ours in NODE_NAMES.items()}
    grade = {"Grade.R": np.random.default_rng(1).random((HEIGHT, WIDTH)).astype(np.float16)}
    header = {
        "Date": "2026/01/01",
        "RenderTime": "00:01",
        "BlenderMultiChannel": "Blender V2.55.1",
        "Scene": "Shot 7",
    }
    path = tmp_path / "shot.0003.exr"
    write_exr(path, {names[name]: plane for name, plane in planes.items()} | grade, header)
    return path, planes | grade


def test_finishing_names_channels_keeps_pixels_and_adds_the_camera(from_blender, picture, tmp_path):
    path, planes = from_blender
    scene = a_scene(a_view(), a_wall(a_view()))
    answer = finish(path, path, scene=scene, view=picture.view, camera=None, frame=3, fps=25)
    read, header = read_exr(path)
    assert {name: plane.tobytes() for name, plane in read.items()} == {
        name: p.tobytes() for name, p in planes.items()
    }
    assert np.array_equal(header["worldToCamera"], world_to_camera(picture.view).astype(np.float32))
    assert header["Scene"] == "Shot 7"
    assert not {"Date", "RenderTime", "BlenderMultiChannel"} & set(header)
    assert header["anchorstage/scene"] == "wall"
    assert header["anchorstage/void_coverage"] == pytest.approx(picture.void.mean(), abs=1e-6)
    assert answer["confidence"] == pytest.approx(frame_confidence(scene, picture), rel=1e-5)
    assert answer["channels"] == sorted(planes)


def test_finishing_twice_is_finishing_once_byte_by_byte(from_blender, picture, tmp_path):
    path, _ = from_blender
    arguments = {
        "scene": a_scene(a_view(), a_wall(a_view())),
        "view": picture.view,
        "camera": None,
        "frame": 3,
        "fps": 25,
    }
    finish(path, tmp_path / "once.exr", **arguments)
    finish(tmp_path / "once.exr", tmp_path / "twice.exr", **arguments)
    assert (tmp_path / "once.exr").read_bytes() == (tmp_path / "twice.exr").read_bytes()


def test_finishing_refuses_another_size_and_leaves_the_file(from_blender):
    path, _ = from_blender
    before = path.read_bytes()
    scene = a_scene(a_view(), a_wall(a_view()))
    with pytest.raises(ExportError, match="48x32"):
        finish(path, path, scene=scene, view=a_view(24, 16), camera=None, frame=3, fps=25)
    assert path.read_bytes() == before


def test_multi_part_files_of_blender_5_are_finished_too(tmp_path, picture):
    planes = export.frame_channels(picture, REGIONS)
    parts = [
        OpenEXR.Part(
            {"type": OpenEXR.scanlineimage}, {"Image." + c: planes[c] for c in "RGBA"}, "Image"
        ),
        OpenEXR.Part({"type": OpenEXR.scanlineimage}, {"Depth.V": planes["depth.Z"]}, "Depth"),
    ]
    OpenEXR.File(parts).write(str(tmp_path / "parts.exr"))
    scene = a_scene(a_view(), a_wall(a_view()))
    finish(
        tmp_path / "parts.exr",
        tmp_path / "out.exr",
        scene=scene,
        view=picture.view,
        camera=None,
        frame=1,
        fps=24,
    )
    read, _ = read_exr(tmp_path / "out.exr")
    assert sorted(read) == ["A", "B", "G", "R", "depth.Z"]
    assert read["depth.Z"].tobytes() == planes["depth.Z"].tobytes()


def test_planes_lie_in_the_file_where_the_layout_says(tmp_path, picture):
    planes = frame_planes(picture)
    layout = write_planes(tmp_path / "planes", planes)
    data = np.fromfile(tmp_path / "planes", np.float32)
    assert [name for name, _, _ in layout] == [
        *("Combined", "Depth", "Normal", "Position", "Confidence", "Void", "Origin", "RegionIndex")
    ]
    for (name, plane), (_, channels, offset) in zip(planes, layout, strict=True):
        size = HEIGHT * WIDTH * channels
        assert np.array_equal(
            data[offset : offset + size].reshape(HEIGHT, WIDTH, channels), plane
        ), name
    assert data.size == sum(plane.size for _, plane in planes)


def test_confidence_of_the_photos_own_full_view_is_that_of_its_depth():
    view = a_view()
    full = a_picture(view, a_wall(view))
    assert not full.void.any()
    assert frame_confidence(a_scene(view, a_wall(view)), full) == pytest.approx(1, abs=1e-4)
    assert frame_confidence(a_scene(view, a_wall(view), uncertainty=1.0), full) == pytest.approx(
        0.75, abs=1e-4
    )


@given(st.floats(0, 1.5))
def test_angle_confidence_is_the_cosine_at_the_surface(angle):
    point = np.array([[1.0, 2.0, 3.0]])
    eye = point[0] + 4 * np.array([np.cos(angle), np.sin(angle), 0])
    assert angle_confidence(point, eye, point[0] + [2.0, 0, 0]) == pytest.approx(
        np.cos(angle), abs=1e-6
    )


def test_confidence_falls_with_every_step_aside():
    view = a_view()
    wall = a_wall(view)
    scene = a_scene(view, wall)
    values = [
        frame_confidence(scene, a_picture(a_view(position=(x, 0.0, 1.6)), wall))
        for x in (0.0, 0.5, 1.0, 2.0)
    ]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == 4
    assert frame_confidence(scene, a_picture(view, wall.select(np.zeros(0, int)))) == 0


def a_shot(tmp_path: Path, **options) -> tuple[Scene, list[ProxyRender], list[Path]]:
    view = a_view()
    wall = a_wall(view)
    scene = a_scene(view, wall)
    steps = [a_view(position=(x, 0.0, 1.6)) for x in (0.0, 0.4)]
    pictures = [a_picture(step, wall) for step in steps]
    moving = (
        (Camera.from_view("photo", step), step, shot)
        for step, shot in zip(steps, pictures, strict=True)
    )
    return (
        scene,
        pictures,
        write_sequence(scene, moving, tmp_path / "shöt", fps=23.976, **options),
    )


def test_a_shot_is_exrs_masks_and_metadata(tmp_path):
    scene, pictures, files = a_shot(tmp_path)
    assert [path.name for path in files] == ["shot.0001.exr", "shot.0002.exr"]
    record = read_json(tmp_path / "shöt" / "metadata.json")
    assert record["frames_per_second"] == [24000, 1001]
    assert record["channels"] == CONTRACT
    assert [region["plane"] for region in record["regions"]] == [None, [0, -1, 0, 4]]
    for number, (frame, picture, path) in enumerate(
        zip(record["frames"], pictures, files, strict=True), 1
    ):
        channels, header = read_exr(path)
        assert sorted(channels) == sorted(CONTRACT)
        assert header["imageCounter"] == frame["frame"] == number
        view = Camera.from_json(frame["camera"]).view(frame["width"], frame["height"])
        assert np.allclose(world_to_ndc(view), header["worldToNDC"], atol=1e-5)
        assert frame["void_coverage"] == pytest.approx(picture.void.mean(), abs=1e-6)
        assert frame["confidence"] == pytest.approx(frame_confidence(scene, picture), rel=1e-5)
        for index, name in enumerate(REGIONS):
            mask = cv2.imdecode(
                np.fromfile(tmp_path / "shöt" / frame["region_masks"][name], np.uint8),
                cv2.IMREAD_UNCHANGED,
            )
            assert np.array_equal(mask, np.where(picture.region == index, 255, 0))


def test_a_taken_name_is_refused_and_kept_unless_overwriting_is_asked_for(tmp_path):
    _, _, files = a_shot(tmp_path)
    before = files[0].read_bytes()
    files[1].write_bytes(b"an artist's retouch")
    with pytest.raises(OutputError, match="holds frames"):
        a_shot(tmp_path)
    assert files[1].read_bytes() == b"an artist's retouch"
    a_shot(tmp_path, overwrite=True)
    assert files[0].read_bytes() == before
    assert files[1].read_bytes() != b"an artist's retouch"
