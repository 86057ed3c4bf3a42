"""What bad input gets: one sentence, exit status 2, nothing half-written, nothing lost. More stand in the rooms' own tests."""

import copy
import json
import os
import signal
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scenes import colours, scene
from test_image import CMYK

from engine import image
from engine.camera import MAX_SIZE, Camera
from engine.cli import main as cli
from engine.depth import DepthOptions
from engine.depth.estimating import estimate
from engine.errors import ArgumentError, ImageError, IncompleteError, OutputError, SceneError
from engine.exr import read_exr, write_exr
from engine.image.decode import DAMAGED_NOTE
from engine.jobs import Desk, run_job
from engine.moves import parse_move
from engine.progress import Progress
from engine.scene.folder import open_scene, save
from engine.store import atomic, json_file, quiet

resource = pytest.importorskip("resource", reason="pipes and limits of files are POSIX")

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--max-splats", "500")
PICTURE = (colours(96, 80) * 255).astype(np.uint8)


@pytest.fixture
def say(capfd, monkeypatch, tmp_path):
    """Run the command in a folder of its own; gives the status, what it printed and what it complained."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:
            status = end.code
        captured = capfd.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture
def refused(say, tmp_path):
    """The one sentence of a refusal that left the folder as it was."""

    def run(*arguments):
        before = sorted(tmp_path.rglob("*"))
        status, out, err = say(*arguments)
        assert (status, out) == (2, ""), err
        [line] = err.splitlines()
        assert line.startswith("anchorstage: ")
        assert line.endswith(".")
        assert sorted(tmp_path.rglob("*")) == before
        return line

    return run


def encoded(suffix):
    """A small picture as a file's bytes."""
    if suffix == ".hdr":
        return cv2.imencode(suffix, PICTURE.astype(np.float32) / 255)[1].tobytes()
    return cv2.imencode(suffix, PICTURE)[1].tobytes()


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """A whole file of every format, by its suffix."""
    path = tmp_path_factory.mktemp("whole") / "a.exr"
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {"RGB": PICTURE.astype(np.float32) / 255}).write(str(path))
    return {".exr": path.read_bytes()} | {
        suffix: encoded(suffix) for suffix in (".jpg", ".png", ".tif", ".webp", ".hdr")
    }


@pytest.mark.parametrize("share", [0.03, 0.5, 0.97])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".hdr", ".exr"])
def test_a_cut_photo_is_one_sentence_whatever_the_libraries_print(
    whole, refused, tmp_path, suffix, share
):
    (tmp_path / f"cut{suffix}").write_bytes(whole[suffix][: int(len(whole[suffix]) * share)])
    assert "damaged or cut short" in refused("reconstruct", f"cut{suffix}", "-o", "x.anchorstage")


@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_damaged_photo_is_a_photo_or_an_image_error(whole, tmp_path, data):
    suffix = data.draw(st.sampled_from(sorted(whole)))
    content = bytearray(whole[suffix])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    try:
        pixels = image.read(path).pixels
    except ImageError:
        return
    assert min(pixels.shape[:2]) >= image.photo.MIN_SIDE
    assert np.isfinite(pixels).all()


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def palette_png():
    """A 96x80 PNG of 16 colours, half of them see-through."""
    rows = b"".join(b"\0" + bytes(row) for row in (PICTURE[..., 0] // 16).tolist())
    colour = bytes(value for i in range(16) for value in (16 * i, 255 - 16 * i, 128))
    head = struct.pack(">IIBBBBB", 96, 80, 8, 3, 0, 0, 0)
    parts = [
        (b"IHDR", head),
        (b"PLTE", colour),
        (b"tRNS", bytes([0] * 8)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


UNUSUAL = {
    "cmyk.jpg": CMYK,
    "palette.png": palette_png(),
    "sixteen bits.png": cv2.imencode(".png", PICTURE.astype(np.uint16) * 257)[1].tobytes(),
    "alpha.png": cv2.imencode(".png", np.dstack([PICTURE, np.zeros(PICTURE.shape[:2], np.uint8)]))[
        1
    ].tobytes(),
    "grey.png": cv2.imencode(".png", PICTURE[..., 0])[1].tobytes(),
    "ä ö 写真 'q\".jpg": cv2.imencode(".jpg", PICTURE)[1].tobytes(),
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_unusual_photos_become_scenes(say, tmp_path, name):
    (tmp_path / name).write_bytes(UNUSUAL[name])
    status, _, err = say("reconstruct", name, "-o", "räum 写.anchorstage", *SMALL, "--quiet")
    assert (status, err) == (0, "")
    assert open_scene(tmp_path / "räum 写.anchorstage").photo.original == UNUSUAL[name]


def test_a_jpeg_that_decodes_although_it_is_damaged_says_so(say, tmp_path):
    content = bytearray(encoded(".jpg"))
    middle = len(content) // 2
    content[middle : middle + 60] = bytes(60)
    (tmp_path / "a.jpg").write_bytes(content)
    assert say("reconstruct", "a.jpg", "-o", "x.anchorstage", *SMALL)[0] == 0
    assert DAMAGED_NOTE in open_scene(tmp_path / "x.anchorstage").warnings


def test_pipes_devices_and_enormous_files_are_not_read(refused, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with open(tmp_path / "large.jpg", "wb") as file:
        file.truncate(image.photo.MAX_BYTES + 1)
    assert "pipe" in refused("reconstruct", "pipe.jpg", "-o", "x.anchorstage")
    assert "device" in refused("reconstruct", "/dev/zero", "-o", "x.anchorstage")
    assert "GB" in refused("reconstruct", "large.jpg", "-o", "x.anchorstage")


def test_too_little_memory_is_not_called_a_damaged_photo(refused, tmp_path, monkeypatch):
    def no_memory(*_):
        error = cv2.error("no memory")
        error.code = cv2.Error.StsNoMem
        raise error

    (tmp_path / "a.png").write_bytes(encoded(".png"))
    monkeypatch.setattr(image.decode, "_decoder", no_memory)
    assert "memory" in refused("reconstruct", "a.png", "-o", "x.anchorstage")


def test_a_strip_longer_than_can_be_rendered_becomes_a_scene(say, refused, tmp_path):
    strip = np.tile(PICTURE[:64, :64], (1, MAX_SIZE // 64 + 1, 1))
    (tmp_path / "strip.png").write_bytes(cv2.imencode(".png", strip)[1].tobytes())
    assert say("reconstruct", "strip.png", "-o", "x.anchorstage", *SMALL)[0] == 0
    assert say("info", "x.anchorstage")[0] == 0
    assert "16384" in refused(
        "render", "x.anchorstage", "-o", "out", "--size", f"{MAX_SIZE + 1}x64"
    )


@pytest.mark.parametrize("height", [0.01, 12.0, 120.0, 9000.0])
def test_depth_is_metric_from_any_height(tmp_path, height):
    (tmp_path / "a.png").write_bytes(encoded(".png"))
    photo = image.read(tmp_path / "a.png")
    depth = estimate(photo, DepthOptions(camera_height=height), Progress()).depth
    assert np.isfinite(depth).all()
    assert depth.min() > 0
    assert depth.max() > height


OUTPUTS = {
    "the root": ("/", "name"),
    "a folder above": ("..", "name"),
    "a name that is too long": ("n" * 300, "file name"),
    "no Unicode": ("caf\udce9.anchorstage", "UTF-8"),
    "below a file": ("a.png/x.anchorstage", "is a file"),
    "no scene": ("full", "not an AnchorStage scene"),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_an_output_that_cannot_be_is_refused_before_the_photo_is_read(refused, tmp_path, case):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.txt").write_text("precious")
    (tmp_path / "a.png").write_bytes(b"not even a photo")
    output, words = OUTPUTS[case]
    assert words in refused("reconstruct", "a.png", "-o", output, "--overwrite")


@pytest.mark.parametrize("command", [("info",), ("render", "-o", "out")])
def test_scenes_that_cannot_be_opened_are_one_sentence(refused, tmp_path, command):
    save(scene(), tmp_path / "s.anchorstage")
    name, *rest = command
    assert "is a file" in refused(name, "s.anchorstage/scene.json", *rest)
    assert "too long" in refused(name, "n" * 300, *rest)
    assert "UTF-8" in refused(name, "\udcff.anchorstage", *rest)


RENDERS = {
    "camera": (("--camera", "nobody"), "choose one of photo"),
    "infinite rate": (("--fps", "inf"), "Frames per second"),
    "rate of nothing": (("--fps", "1e-9"), "Frames per second"),
    "far": (("--move", "dolly:1e300"), "dolly:1e300"),
    "lens": (("--move", "lens:1e-9"), "lens:1e-9"),
    "long name": (("-o", "n" * 300), "file name"),
}


@pytest.mark.parametrize("case", RENDERS)
def test_absurd_renders_are_refused_before_anything_is_written(refused, tmp_path, case):
    save(scene(), tmp_path / "s.anchorstage")
    arguments, words = RENDERS[case]
    assert words in refused("render", "s.anchorstage", "-o", "out", "--size", "32x24", *arguments)


@given(st.floats(), st.sampled_from(["dolly", "orbit", "tilt", "lens"]))
def test_every_move_that_is_taken_gives_a_camera(amount, name):
    try:
        move = parse_move(f"{name}:{amount!r}")
    except ArgumentError:
        return
    assert move.camera_at(scene().camera(), 1.0, 5.0).absurdity() == ""


def anchorstage(*arguments, folder, limit=None, **streams):
    """The command in a process of its own, whose files may be at most `limit` bytes: a disk that fills up."""

    def limited():
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "engine", *map(str, arguments)]
    streams = {"stdout": subprocess.PIPE, **streams}
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    options = {
        "cwd": folder,
        "env": environment,
        "stderr": subprocess.PIPE,
        "text": True,
        "timeout": 100,
    }
    return subprocess.run(command, preexec_fn=limited, check=False, **options, **streams)


def test_a_disk_that_fills_up_is_named_by_what_the_artist_asked_for(tmp_path):
    (tmp_path / "a.png").write_bytes(encoded(".png"))
    save(scene(), tmp_path / "s.anchorstage")
    before = sorted(tmp_path.iterdir())
    done = anchorstage("reconstruct", "a.png", "-o", "x.anchorstage", folder=tmp_path, limit=20_000)
    assert done.returncode == 2
    assert done.stderr == (
        f"anchorstage: The disk is full; “{tmp_path}/x.anchorstage” was not written. "
        "Free some space or choose another folder.\n"
    )
    assert sorted(tmp_path.iterdir()) == before
    done = anchorstage(
        "render", "s.anchorstage", "-o", "out", "--size", "320x240", folder=tmp_path, limit=20_000
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "The disk is full; “out/shot.0001.exr” was not written." in done.stderr
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_summary_that_cannot_be_printed(tmp_path):
    save(scene(), tmp_path / "s.anchorstage")
    with open("/dev/full", "w") as full:
        done = anchorstage("info", "s.anchorstage", "--json", folder=tmp_path, stdout=full)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "could not be printed" in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        done = anchorstage("info", "s.anchorstage", folder=tmp_path, stdout=pipe)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_working_folder_that_was_deleted(say, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    try:
        for command in (
            ("info", "x"),
            ("reconstruct", "a.png", "-o", "x"),
            ("render", "x", "-o", "out"),
        ):
            status, _, err = say(*command)
            assert (status, err.count("\n")) == (2, 1)
            assert "deleted" in err
    finally:
        os.chdir(tmp_path)


ENDED = """
import os, signal, sys
from engine.cli import main as cli
from engine.scene.parts import maps

def end(*_):
    os.kill(os.getpid(), int(sys.argv[1]))

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts its background jobs with Ctrl-C ignored
maps.write_maps = end
cli.main(["reconstruct", "a.png", "-o", "x.anchorstage", "--max-splats", "500"])
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_polite_end_in_mid_write_leaves_nothing(tmp_path, number):
    (tmp_path / "a.png").write_bytes(encoded(".png"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", ENDED, str(int(number))]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_overwriting_works_after_a_kill_between_the_new_name_and_the_end_of_the_old(tmp_path):
    folder = tmp_path / "s.anchorstage"
    save(scene(name="new"), folder)
    save(scene(name="old"), atomic._set_aside(folder))
    save(scene(name="newest"), folder, overwrite=True)
    assert open_scene(folder).name == "newest"
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_an_artist_called_previous_is_not_touched(tmp_path):
    save(scene(name="backup"), tmp_path / "s.anchorstage.previous")
    save(scene(), tmp_path / "s.anchorstage")
    save(scene(), tmp_path / "s.anchorstage", overwrite=True)
    assert open_scene(tmp_path / "s.anchorstage.previous").name == "backup"


@pytest.fixture(scope="session")
def good(tmp_path_factory):
    """A whole scene on disk, its record and its files."""
    folder = tmp_path_factory.mktemp("good") / "s.anchorstage"
    save(scene(32, 24), folder)
    files = {
        path.relative_to(folder): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return json.loads(files[Path("scene.json")]), files


def written(folder, files):
    """The files in a new folder."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def changed(record, path, value):
    """The record with one value replaced."""
    record = copy.deepcopy(record)
    place = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return record


def paths(value, path=()):
    """Every place in a record."""
    if path:
        yield path
    entries = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, entry in entries:
        yield from paths(entry, (*path, key))


ABSURD = {
    "NaN pose": (("cameras", 0, "position", 1), float("nan")),
    "far pose": (("cameras", 0, "position", 1), 1e300),
    "no rotation": (("cameras", 0, "rotation"), [0, 0, 0, 0]),
    "negative focal length": (("cameras", 0, "focal_length"), -35),
    "no sensor": (("cameras", 0, "sensor_width"), 0),
    "no aspect": (("cameras", 0, "aspect_ratio"), 0),
    "infinite shift": (("cameras", 0, "shift", 0), float("inf")),
    "text as a number": (("cameras", 0, "focal_length"), "long"),
    "number beyond floats": (("cameras", 0, "focal_length"), 10**400),
    "camera name": (("cameras", 0, "id"), "a\nb"),
    "cameras": (("cameras",), {"photo": 1}),
    "huge count": (("splats", "count"), 10**12),
    "negative scale": (("splats", "metric_scale"), -1),
    "photo outside": (("photo", "file"), "../../../../../etc/passwd"),
    "absolute photo": (("photo", "file"), "/etc/passwd"),
    "photo on a drive": (("photo", "file"), "C:\\Windows\\win.ini"),
    "photo above, for Windows": (("photo", "file"), "..\\secret"),
    "splats outside": (("splats", "file"), "../s.anchorstage/splats.ply"),
    "maps outside": (("maps",), ".."),
    "mask outside": (("regions", 0, "mask"), "regions/../../other.png"),
    "photo size": (("photo", "width"), 10**9),
    "photo of nothing": (("photo", "height"), 0),
    "photo of a list": (("photo",), ["photo.png"]),
    "region name outside": (("regions", 0, "id"), "../../ground"),
    "region without a name": (("regions", 0, "id"), ""),
    "region of one name": (("regions", 0, "id"), "facade_001"),
    "plane": (("regions", 0, "plane"), [1, 2]),
    "plane of NaN": (("regions", 0, "plane", 2), float("nan")),
    "lock": (("regions", 0, "locked"), "yes"),
    "warnings": (("warnings",), "one"),
    "name": (("name",), 7),
    "lone surrogate": (("name",), "\udcff"),
    "schema": (("schema",), True),
    "frames": (("frames",), [1]),
}


@pytest.mark.parametrize("case", ABSURD)
def test_an_absurd_scene_is_one_sentence_that_names_the_file(good, refused, tmp_path, case):
    folder = written(tmp_path / "s.anchorstage", good[1])
    (folder / "scene.json").write_text(json.dumps(changed(good[0], *ABSURD[case])))
    assert "s.anchorstage" in refused("info", "s.anchorstage")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["..", "/", "photo.png"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=4,
)


@given(data=st.data())
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_value_anywhere_is_a_scene_or_a_scene_error(good, tmp_path, data):
    record, files = good
    folder = written(tmp_path / "s.anchorstage", files)
    place = data.draw(st.sampled_from(sorted(paths(record), key=str)))
    (folder / "scene.json").write_text(json.dumps(changed(record, place, data.draw(JSON))))
    try:
        opened = open_scene(folder)
    except SceneError:
        return
    view = opened.photo_view
    assert np.isfinite(view.world_from_camera).all()
    save(opened, tmp_path / "again.anchorstage", overwrite=True)
    assert {path.parent.name for path in tmp_path.rglob("*.png")} <= {
        "s.anchorstage",
        "again.anchorstage",
        "regions",
    }


@given(data=st.data())
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_damage_to_any_file_is_a_scene_or_a_scene_error(good, tmp_path, data):
    folder = written(tmp_path / "s.anchorstage", good[1])
    name = data.draw(st.sampled_from(sorted(good[1])))
    content = bytearray(good[1][name])
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:at]
    else:
        content[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    (folder / name).write_bytes(content)
    try:
        opened = open_scene(folder)
    except SceneError:
        return
    assert np.isfinite(opened.splats.positions).all()


def test_json_without_end_is_a_sentence(refused, tmp_path):
    (tmp_path / "s.anchorstage").mkdir()
    (tmp_path / "s.anchorstage" / "scene.json").write_text("[" * 100_000)
    assert "damaged" in refused("info", "s.anchorstage")


def test_a_part_of_an_exr_that_cannot_be_read_is_not_silently_left_out(tmp_path):
    """OpenEXR's Python door prints a warning and leaves the part out."""
    path = tmp_path / "two.exr"
    planes = [
        {name: np.random.default_rng(0).random((64, 64)).astype(np.float32)}
        for name in ("A.V", "B.V")
    ]
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(
        [OpenEXR.Part({**header, "name": str(i)}, plane) for i, plane in enumerate(planes)]
    ).write(str(path))
    assert set(read_exr(path)[0]) == {"A.V", "B.V"}
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(IncompleteError):
        read_exr(path)


def test_the_wire_says_what_kind_of_fault_a_file_has(tmp_path):
    """Blender's side removes a frame that is incomplete and ends the animation where the place is at fault."""
    folder = tmp_path / "s.anchorstage"
    save(scene(), folder)
    wire = scene().photo_view.to_json()
    view = scene().photo_view
    plane = np.random.default_rng(0).random((view.height, view.width)).astype(np.float32)
    frame = tmp_path / "shot.0001.exr"
    write_exr(frame, {"Depth.V": plane}, {})
    args = {"scene": str(folder), "view": wire, "frame": 1, "fps": 24}
    lends = {"exr": frame}
    below_a_file = frame / "below a file.exr"
    with pytest.raises(OutputError):
        run_job("finish", args, Desk.local(lends=lends, wants={"finished": below_a_file}))
    with pytest.raises(OutputError):
        run_job(
            "overlay", {"scene": str(folder)}, Desk.local(wants={"rows": frame / "overlay.npy"})
        )
    frame.write_bytes(frame.read_bytes()[:-2000])
    with pytest.raises(IncompleteError):
        run_job("finish", args, Desk.local(lends=lends, wants={"finished": frame}))


def test_quiet_keeps_what_libraries_write_and_gives_the_terminal_back(capfd):
    with quiet() as said:
        os.write(2, b"a library\n")
        print("OpenEXR")
    os.write(2, b"us\n")
    assert (said.text, *capfd.readouterr()) == ("OpenEXR\na library\n", "", "us\n")


def test_quiet_works_without_a_place_for_temporary_files(capfd, monkeypatch):
    def no_place(*_):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.TemporaryFile", no_place)
    with quiet():
        os.write(2, b"a library\n")
    assert capfd.readouterr().err == ""


@given(st.text(max_size=30))
def test_a_path_of_a_record_never_leaves_its_folder(text):
    try:
        path = json_file.inside(Path("/a/b"), {"file": text}, "file")
    except json_file.FieldError:
        return
    assert Path(os.path.normpath(path)).is_relative_to("/a/b")
    assert path != Path("/a/b")


@given(st.floats(), st.floats(-10, 10), st.floats(0, 10))
def test_a_number_is_within_its_range_or_refused(value, low, width):
    try:
        found = json_file.number({"x": value}, "x", low, low + width)
    except json_file.FieldError:
        found = None
    assert found == (value if low <= value <= low + width else None)


def test_a_camera_record_round_trips_or_says_in_words_what_is_wrong():
    record = scene().camera().to_json()
    assert Camera.from_json(record).to_json() == record
    for name in record:
        with pytest.raises(ValueError, match="a camera lacks a part"):
            Camera.from_json({key: value for key, value in record.items() if key != name})
