"""Digest everything that the engine makes of photos: two versions that print the same lines make the same scenes and frames.

    python tools/digests.py PHOTO... [--tree FOLDER]

A photo is reconstructed and three frames of a camera move are rendered, each by the command line of the version that lies
in FOLDER. What is digested are values, not bytes of files: the rows of `splats.ply`, the channels of maps and frames, the
pixels of masks, and the numbers of `scene.json` and `metadata.json`. It needs NumPy, OpenCV and OpenEXR.
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
MOVE = "dolly:0.4,truck:0.2,pan:3"
SIZE = "640x360"
FRAMES = "3"
_SHOWN = 16  # hexadecimal digits of a digest
_END_OF_HEADER = b"end_header\n"
# Attributes of an EXR that the writing library fills in, and what depends on the version's name.
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
    """Print one line a digest: its name, then the digest."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument(
        "--tree", type=Path, default=ROOT, help="the checkout whose engine is asked"
    )
    options = parser.parse_args()
    for photo in options.photos:
        for name, digest in digests_of(photo.resolve(), options.tree.resolve()):
            sys.stdout.write(f"{photo.stem}/{name} {digest}\n")


def digests_of(photo: Path, tree: Path) -> Iterator[tuple[str, str]]:
    """Reconstruct and render a photo with the engine in a checkout; give the name and digest of everything made."""
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
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            inner = f"{name}/{path.relative_to(folder).as_posix()}"
            for part, digest in _of_file(path):
                yield f"{inner}{part}", digest


def _of_file(path: Path) -> Iterator[tuple[str, str]]:
    """The digests of a file's parts, each with the part's name behind a colon."""
    if path.suffix == ".exr":
        yield from _of_exr(path)
    elif path.suffix == ".png":
        yield "", _hash(np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED)).tobytes())
    elif path.suffix == ".ply":
        yield "", _hash(path.read_bytes().partition(_END_OF_HEADER)[2])
    elif path.suffix == ".json":
        for key, value in _without_version(json.loads(path.read_text(encoding="utf-8"))).items():
            yield f":{key}", _hash(json.dumps(value, sort_keys=True).encode())
    else:
        yield "", _hash(path.read_bytes())


def _of_exr(path: Path) -> Iterator[tuple[str, str]]:
    file = OpenEXR.File(str(path), separate_channels=True)
    for name, channel in sorted(file.channels().items()):
        yield f":{name}", _hash(np.ascontiguousarray(channel.pixels).tobytes())
    header = {name: value for name, value in file.header().items() if name not in _LEFT_OUT}
    yield (
        ":header",
        _hash(repr(sorted((name, _plain(value)) for name, value in header.items())).encode()),
    )


def _plain(value: Any) -> str:
    """A header's value as text that does not change from run to run."""
    if isinstance(value, tuple):
        return str([_plain(part) for part in value])
    return str(value.tolist()) if isinstance(value, np.ndarray) else str(value)


def _without_version(record: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key not in _LEFT_OUT}


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:_SHOWN]


if __name__ == "__main__":
    main()
