"""The image room: formats, orientation, focal length, and every bad input."""

import base64
import logging
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.colour import decode_srgb, encode_srgb
from engine.errors import ImageError
from engine.image import read
from engine.image.exif import FULL_FRAME_DIAGONAL_MM, focal_px, parse, upright

# A red 64x64 CMYK JPEG with Adobe's marker (no cyan and black, all magenta and yellow).
CMYK = zlib.decompress(
    base64.b64decode(
        "eNr7f+P/OwY+x5T8pFSGFAYQ+H+bwZmBmYkJhICABYhYOVhZWVhYudjZ2Th4uHh4uLm4uXn5hAR4+QT5uLkFxAQEhUVERUV5+MUlxEQkhERERf"
        "4fYBDhYHBgcGBxFmTwFWSIFGTwFmT4f4RBnoGBkZURDBiggJEJaAMbOwcnFzdQwVYBBiZGZmYmFmaQnUDZWqA8A4sgq5CioSObcGAiu1KhiFHj"
        "xIUcyk4bD4oGXfygYpxU1MTJJSYuISmlqqauoallYmpmbmFp5ezi6ubu4ekVHBIaFh4RGZWckpqWnpGZVVxSWlZeUVnV3NLa1t7R2TVp8pSp06"
        "bPmDlr0eIlS5ctX7Fy1abNW7Zu275j565Dh48cPXb8xMlTly5fuXrt+o2btx4+evzk6bPnL16++vjp85ev377/+Pnr/y0GPhZnBl+GSAZvBgZ7"
        "hr/B60+t+rNq/VUrjUVdQxf9vwkAaMLDWQ=="
    )
)


def picture(
    channels: int = 3, kind: type = np.uint8, height: int = 70, width: int = 90
) -> np.ndarray:
    """A picture of two gradients, RGB order; integers use their range, floats reach 8."""
    y, x = np.mgrid[:height, :width]
    planes = [x / width, y / height, (x + y) / (width + height), np.full(x.shape, 0.25)][:channels]
    top = np.iinfo(kind).max if np.dtype(kind).kind == "u" else 8.0
    return (np.dstack(planes) * top).astype(kind)


def write(path: Path, rgb: np.ndarray, *options: int) -> Path:
    """Encode with OpenCV, which never sees the path."""
    bgr = rgb[..., [2, 1, 0, 3][: rgb.shape[2]]] if rgb.ndim == 3 else rgb
    path.write_bytes(cv2.imencode(path.suffix, bgr, options)[1].tobytes())
    return path


def tiff_tags(
    entries: list[tuple[int, int, int | tuple[int, int] | str]], order: str = "<"
) -> bytes:
    """An EXIF structure with one directory, (tag, type, value) each."""
    head = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
    rows, tail = b"", b""
    after = 8 + 2 + 12 * len(entries) + 4
    for tag, kind, value in sorted(entries):
        if kind == 2:
            raw, count = value.encode() + b"\x00", len(value) + 1
        elif kind == 5:
            raw, count = struct.pack(order + "II", *value), 1
        else:
            raw, count = struct.pack(order + {3: "H", 4: "I"}[kind], value), 1
        if len(raw) > 4:
            raw, tail = struct.pack(order + "I", after + len(tail)), tail + raw
        rows += struct.pack(order + "HHI", tag, kind, count) + raw.ljust(4, b"\x00")
    return head + struct.pack(order + "H", len(entries)) + rows + b"\x00" * 4 + tail


def with_exif(jpeg: bytes, tags: bytes) -> bytes:
    """A JPEG with an APP1 segment after its start marker."""
    body = b"Exif\x00\x00" + tags
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


@pytest.mark.parametrize(
    ("suffix", "channels", "kind"),
    [
        (".png", 3, np.uint8),
        (".png", 3, np.uint16),
        (".png", 4, np.uint8),
        (".png", 4, np.uint16),
        (".tiff", 3, np.uint8),
        (".tif", 3, np.uint16),
        (".tiff", 4, np.uint16),
        (".tiff", 3, np.float32),
        (".tiff", 4, np.float32),
    ],
)
def test_lossless_formats_come_back_as_they_were(tmp_path, suffix, channels, kind):
    rgb = picture(channels, kind)
    photo = read(write(tmp_path / f"photo{suffix}", rgb))
    assert photo.pixels.dtype == kind
    assert np.array_equal(photo.pixels, rgb[..., :3])
    assert photo.linear == (np.dtype(kind).kind == "f")
    assert (photo.width, photo.height, photo.suffix) == (90, 70, suffix)


@pytest.mark.parametrize(
    ("suffix", "options"), [(".jpg", ()), (".webp", (cv2.IMWRITE_WEBP_QUALITY, 101)), (".webp", ())]
)
def test_lossy_formats_come_back_nearly(tmp_path, suffix, options):
    rgb = picture()
    photo = read(write(tmp_path / f"photo{suffix}", rgb, *options))
    assert np.abs(photo.pixels.astype(int) - rgb).mean() < 4


def test_hdr_keeps_values_above_one(tmp_path):
    rgb = picture(kind=np.float32)
    photo = read(write(tmp_path / "photo.hdr", rgb))
    assert photo.linear
    assert np.abs(photo.pixels - rgb).max() < 0.04  # RGBE shares one exponent of 8 bits
    assert photo.pixels.max() > 7


def test_grey_is_three_equal_channels(tmp_path):
    grey = picture(1)[..., 0]
    photo = read(write(tmp_path / "grey.png", grey))
    assert np.array_equal(photo.pixels, np.dstack([grey] * 3))


def test_the_original_bytes_are_kept(tmp_path):
    path = write(tmp_path / "a photo — ünïcødé 写真.jpg", picture())
    photo = read(path)
    assert photo.original == path.read_bytes()
    assert photo.name == path.stem


def test_cmyk_is_converted(tmp_path):
    path = tmp_path / "cmyk.jpg"
    path.write_bytes(CMYK)
    assert np.abs(read(path).pixels[32, 32].astype(int) - [255, 0, 0]).max() < 5


@pytest.mark.parametrize(
    "names", ["RGB", "RGBA", ("beauty.R", "beauty.G", "beauty.B", "depth.Z"), "Y", ("diffuse.Y",)]
)
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_exr_layers(tmp_path, names, kind):
    rgb = picture(4, np.float32).astype(kind)
    planes = {name: np.ascontiguousarray(rgb[..., i]) for i, name in enumerate(names)}
    path = tmp_path / "photo é.exr"
    OpenEXR.File({}, planes).write(str(path))
    photo = read(path)
    expected = rgb[..., [0, 0, 0]] if len(names) == 1 else rgb[..., :3]
    assert photo.linear
    assert np.array_equal(photo.pixels, expected.astype(np.float32))


def test_exr_without_a_picture_names_its_channels(tmp_path):
    path = tmp_path / "depth.exr"
    OpenEXR.File({}, {"Z": np.ones((70, 80), np.float32)}).write(str(path))
    with pytest.raises(ImageError, match="only the channels Z"):
        read(path)


def test_exr_is_placed_in_its_display_window(tmp_path):
    rgb = picture(3, np.float32)
    header = {
        "dataWindow": (np.array([5, 3], np.int32), np.array([94, 72], np.int32)),
        "displayWindow": (np.array([0, 0], np.int32), np.array([99, 79], np.int32)),
    }
    path = tmp_path / "window.exr"
    OpenEXR.File(header, {"RGB": rgb}).write(str(path))
    photo = read(path)
    assert photo.pixels.shape == (80, 100, 3)
    assert np.array_equal(photo.pixels[3:73, 5:95], rgb)
    assert photo.pixels.sum() == pytest.approx(rgb.sum(), rel=1e-5)


def test_nan_and_infinity_become_black_with_a_warning(tmp_path, caplog):
    rgb = picture(3, np.float32)
    rgb[10, 10], rgb[20, 20, 1] = np.nan, np.inf
    path = tmp_path / "broken.exr"
    OpenEXR.File({}, {"RGB": rgb}).write(str(path))
    with caplog.at_level(logging.WARNING):
        photo = read(path)
    assert np.isfinite(photo.pixels).all()
    assert (photo.pixels[10, 10] == 0).all()
    assert "4 values" in caplog.text


def test_encoded_is_the_identity_on_the_photos_own_grid(tmp_path):
    for kind in (np.uint8, np.uint16):
        photo = read(write(tmp_path / "photo.png", picture(3, kind)))
        assert np.allclose(photo.encoded(90, 70), photo.pixels / np.iinfo(kind).max, atol=1e-6)
    photo = read(write(tmp_path / "photo.tiff", picture(3, np.float32)))
    assert np.allclose(photo.encoded(90, 70), encode_srgb(photo.pixels), atol=1e-6)
    assert photo.encoded(90, 70).max() > 2


def test_encoded_averages_linear_photos_in_linear_light(tmp_path):
    rgb = np.zeros((64, 64, 3), np.float32)
    rgb[::2] = 4.0
    photo = read(write(tmp_path / "stripes.tiff", rgb))
    assert np.allclose(decode_srgb(photo.encoded(32, 32)), 2.0, rtol=1e-3)


def test_encoded_conserves_the_mean(tmp_path):
    photo = read(write(tmp_path / "photo.png", picture(height=72)))
    assert photo.encoded(30, 24).mean() == pytest.approx(photo.encoded(90, 72).mean(), abs=0.003)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_orientations_give_the_same_upright_picture(tmp_path, orientation, order):
    scene = np.zeros((64, 96, 3), np.uint8)
    scene[:32, :48], scene[32:, :48], scene[:32, 48:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    stored = _as_stored(scene, orientation)
    path = tmp_path / "turned.jpg"
    jpeg = cv2.imencode(".jpg", stored[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])[1].tobytes()
    path.write_bytes(with_exif(jpeg, tiff_tags([(0x0112, 3, orientation)], order)))
    photo = read(path)
    assert photo.pixels.shape == scene.shape
    assert np.abs(photo.pixels.astype(int) - scene).mean() < 3


def _as_stored(scene: np.ndarray, orientation: int) -> np.ndarray:
    """What a camera stores: EXIF says which side of the scene row 0 and column 0 are."""
    row0, column0 = {
        1: ("top", "left"),
        2: ("top", "right"),
        3: ("bottom", "right"),
        4: ("bottom", "left"),
        5: ("left", "top"),
        6: ("right", "top"),
        7: ("right", "bottom"),
        8: ("left", "bottom"),
    }[orientation]
    height, width = scene.shape[:2]
    swapped = row0 in ("left", "right")
    rows, columns = (width, height) if swapped else (height, width)
    r, c = np.mgrid[:rows, :columns]
    place = {
        "top": lambda i: i,
        "left": lambda i: i,
        "bottom": lambda i: height - 1 - i,
        "right": lambda i: width - 1 - i,
    }
    first, second = place[row0](r), place[column0](c)
    return np.ascontiguousarray(scene[second, first] if swapped else scene[first, second])


@given(st.integers(1, 8), st.integers(1, 5), st.integers(1, 5))
def test_turning_keeps_every_pixel(orientation, height, width):
    pixels = np.arange(height * width * 3).reshape(height, width, 3)
    turned = upright(pixels, orientation)
    assert np.array_equal(np.sort(turned.ravel()), pixels.ravel())
    assert turned.flags.c_contiguous


@given(st.binary(max_size=200))
def test_damaged_exif_gives_a_dict_and_never_an_error(noise):
    assert isinstance(parse(b"II*\x00" + noise), dict)
    assert isinstance(parse(b"MM\x00*" + noise), dict)


@given(st.floats(10, 300), st.integers(100, 8000), st.integers(100, 8000))
def test_the_35_mm_equivalent_keeps_the_diagonal_field_of_view(equivalent, width, height):
    focal = focal_px({"FocalLengthIn35mmFilm": equivalent}, width, height)
    assert focal / np.hypot(width, height) == pytest.approx(equivalent / FULL_FRAME_DIAGONAL_MM)
    assert focal_px({"FocalLengthIn35mmFilm": equivalent}, height, width) == pytest.approx(focal)


def test_focal_length_from_the_sensors_pitch_and_after_scaling():
    # A full-frame camera of 6000x4000 pixels, 36 mm wide: 6000/36 pixels a millimetre.
    tags = {
        "FocalLength": 50.0,
        "FocalPlaneXResolution": 6000 / 3.6,
        "FocalPlaneResolutionUnit": 3,
        "PixelXDimension": 6000,
        "PixelYDimension": 4000,
    }
    assert focal_px(tags, 6000, 4000) == pytest.approx(50 / 36 * 6000)
    assert focal_px(tags, 1500, 1000) == pytest.approx(50 / 36 * 1500)


def test_focal_length_from_the_camera_model():
    tags = {"FocalLength": 50.0, "Make": "Canon", "Model": "Canon EOS 450D"}
    assert focal_px(tags, 4272, 2848) == pytest.approx(
        50 * 1.6 / FULL_FRAME_DIAGONAL_MM * np.hypot(4272, 2848)
    )
    assert focal_px({"FocalLength": 50.0, "Make": "Nobody", "Model": "Box"}, 4272, 2848) is None


def test_an_absurd_focal_length_is_not_believed():
    assert focal_px({"FocalLengthIn35mmFilm": 65535}, 4000, 3000) is None
    assert focal_px({"FocalLengthIn35mmFilm": 0}, 4000, 3000) is None


@pytest.mark.parametrize("container", ["jpeg", "png", "webp"])
def test_exif_is_found_in_every_container(tmp_path, container):
    tags = tiff_tags([(0xA405, 3, 28), (0x010F, 2, "Maker of cameras"), (0x829D, 5, (28, 10))])
    bgr = picture()[..., ::-1]
    if container == "jpeg":
        data = with_exif(cv2.imencode(".jpg", bgr)[1].tobytes(), tags)
    else:
        data = cv2.imencodeWithMetadata(
            f".{container}", bgr, [cv2.IMAGE_METADATA_EXIF], [np.frombuffer(tags, np.uint8)]
        )[1]
        data = data.tobytes()
    path = tmp_path / f"photo.{container}"
    path.write_bytes(data)
    photo = read(path)
    assert photo.exif["Make"] == "Maker of cameras"
    assert photo.exif["FNumber"] == pytest.approx(2.8)
    assert photo.focal_px == pytest.approx(28 / FULL_FRAME_DIAGONAL_MM * np.hypot(90, 70))


@pytest.mark.parametrize("share", [0.03, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tiff", ".webp", ".hdr", ".exr"])
def test_truncated_files_are_refused(tmp_path, suffix, share):
    path = tmp_path / f"photo{suffix}"
    if suffix == ".exr":
        noise = np.random.default_rng(0).random((70, 80, 3)).astype(np.float32)
        OpenEXR.File({}, {"RGB": noise}).write(str(path))
    else:
        write(path, picture(kind=np.float32 if suffix == ".hdr" else np.uint8))
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError, match=r"damaged or cut short|not an image"):
        read(path)


def test_a_truncated_jpeg_with_a_thumbnail_is_refused(tmp_path):
    thumbnail = cv2.imencode(".jpg", picture(height=64, width=64))[1].tobytes()
    jpeg = with_exif(
        cv2.imencode(".jpg", picture())[1].tobytes(), tiff_tags([(0x0112, 3, 1)]) + thumbnail
    )
    path = tmp_path / "thumb.jpg"
    path.write_bytes(jpeg)
    assert read(path).width == 90
    path.write_bytes(jpeg[:-200])
    with pytest.raises(ImageError, match="cut short"):
        read(path)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "0 bytes"),
        (b"hello, this is text and no picture at all", "not an image"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "HEIC"),
        (b"GIF89a" + bytes(50), "GIF"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"II+\x00" + bytes(20), "BigTIFF"),
        (b"\xff\xd8\xff", "cut short"),
        (b"\x89PNG\r\n\x1a\n", "cut short"),
        (b"RIFF\xff\xff\x00\x00WEBP", "cut short"),
    ],
)
def test_what_is_no_photo_is_refused_in_one_sentence(tmp_path, data, words):
    path = tmp_path / "photo.jpg"
    path.write_bytes(data)
    with pytest.raises(ImageError, match=words) as refusal:
        read(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (63, 200), (200, 63)])
def test_tiny_photos_are_refused(tmp_path, width, height):
    with pytest.raises(ImageError, match=f"{width}x{height}.*at least 64"):
        read(write(tmp_path / "tiny.png", picture(height=height, width=width)))


def test_the_smallest_photo_is_read(tmp_path):
    assert read(write(tmp_path / "small.png", picture(height=64, width=64))).pixels.shape == (
        64,
        64,
        3,
    )


def test_huge_photos_are_refused_before_they_are_decoded(tmp_path):
    path = write(tmp_path / "huge.png", picture())
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 20_000, 20_000)
    path.write_bytes(bytes(data))
    with pytest.raises(ImageError, match=r"20000x20000.*100 megapixels"):
        read(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(ImageError, match="no file"):
        read(tmp_path / "nowhere.jpg")
    with pytest.raises(ImageError, match="folder"):
        read(tmp_path)
    with pytest.raises(ImageError, match="cannot be opened"):
        read("bad\0name.jpg")


def test_unreadable_files_are_refused(tmp_path, monkeypatch):
    path = write(tmp_path / "locked.png", picture())

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(ImageError, match=r"Permission denied.*permissions"):
        read(path)
