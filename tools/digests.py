"""Digest everything that the engine makes of photos.

    python tools/digests.py PHOTO... [--tree FOLDER]

Two versions that print the same lines make the same scenes and frames. A photo is reconstructed and
three frames of a camera move are rendered, each by the command line of the version in FOLDER. The
digests are of values, not of the bytes of files: the rows of `splats.ply`, the channels of maps and
frames, the pixels of masks, and the numbers of `scene.json` and `metadata.json`. It needs NumPy,
OpenCV and OpenEXR.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import OpenEXR

ROOT = Path(__file__).resolve().parents[1]
MOVE = "dolly:0.4,truck:0.2,pan:3"  # metres and degrees
SIZE = "640x360"  # pixels
FRAMES = "3"
_SHOWN = 16  # hexadecimal digits of a digest
_END_OF_HEADER = b"end_header\n"
# Attributes of an EXR that the writing library fills in, and those with the version's name.
_LEFT_OUT = {
    "channels",
    "version",
    "chunkCount",
    "type",
    "compression",
    "lineOrder",
    "generator",
    "anchorstage/version",
}


def main() -> None:
    """Print one line for each digest: its name, then the digest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument(
        "--tree",
        type=Path,
        default=ROOT,
        help="the checkout whose engine is asked",
    )
    options = parser.parse_args()
    for photo in options.photos:
        for name, digest in digests_of(photo.resolve(), options.tree.resolve()):
            sys.stdout.write(f"{photo.stem}/{name} {digest}\n")


def digests_of(photo: Path, tree: Path) -> Iterator[tuple[str, str]]:
    """Reconstruct and render a photo with the engine of a checkout.

    Returns:
        The name and the digest of each value that was made.
    """
    with tempfile.TemporaryDirectory() as folder:
        scene = Path(folder) / "digest.anchorstage"
        frames = Path(folder) / "frames"
        _run(tree, "reconstruct", str(photo), "-o", str(scene), "--quiet")
        move = ["--move", MOVE, "--size", SIZE, "--frames", FRAMES]
        _run(tree, "render", str(scene), "-o", str(frames), *move, "--quiet")
        yield from _of_folder(scene, "scene")
        yield from _of_folder(frames, "frames")


def _run(tree: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "engine", *arguments]
    subprocess.run(command, cwd=tree, check=True, stdout=subprocess.DEVNULL)


def _of_folder(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """Yield the digests of a folder's files, in the order of their names."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        inner = path.relative_to(folder).as_posix()
        for part, digest in _of_file(path):
            yield f"{name}/{inner}{part}", digest


def _of_file(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the digests of a file's parts, each with the part's name behind a colon."""
    if path.suffix == ".exr":
        yield from _of_exr(path)
    elif path.suffix == ".png":
        pixels = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        yield "", _hash(pixels.tobytes())
    elif path.suffix == ".ply":
        _, _, rows = path.read_bytes().partition(_END_OF_HEADER)
        yield "", _hash(rows)
    elif path.suffix == ".json":
        record = json.loads(path.read_text(encoding="utf-8"))
        for key, value in _without_version(record).items():
            text = json.dumps(value, sort_keys=True)
            yield f":{key}", _hash(text.encode())
    else:
        yield "", _hash(path.read_bytes())


def _of_exr(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the digest of each channel, then that of the header."""
    file = OpenEXR.File(str(path), separate_channels=True)
    for name, channel in sorted(file.channels().items()):
        pixels = np.ascontiguousarray(channel.pixels)
        yield f":{name}", _hash(pixels.tobytes())
    header = _without_version(file.header())
    attributes = sorted((name, _plain(value)) for name, value in header.items())
    yield ":header", _hash(repr(attributes).encode())


def _plain(value: Any) -> str:
    """Return a header's value as text that does not change from run to run."""
    if isinstance(value, tuple):
        return str([_plain(part) for part in value])
    if isinstance(value, np.ndarray):
        return str(value.tolist())
    return str(value)


def _without_version(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in _LEFT_OUT}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_SHOWN]


if __name__ == "__main__":
    main()
