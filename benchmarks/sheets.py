"""Contact sheets of the built-in depth.

    python -m benchmarks.sheets [--photos FOLDER] [--output FOLDER]

Writes depth_scenes.png (photo, true depth, estimated depth, and the views from 5 % of the scene's
depth to the left and to the right) and depth_photos.png (without the true depth). Holes are
magenta.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benchmarks.cycles import library
from benchmarks.cycles.catalogue import PHOTO
from benchmarks.cycles.develop import bgr
from benchmarks.novel_views import lifted, scene_grid
from engine.camera import View
from engine.depth import DepthEstimate
from engine.depth.estimating import estimate
from engine.image import Photo, read
from engine.render import RenderOptions
from engine.render.rasteriser import render
from engine.splats.record import Splats
from tools.shared import shared
from tools.steps import ROOT

IMAGES = ROOT / "docs" / "images"
# Photos that may be shown: of the licences BSD (OpenSfM), MIT (MoGe), Apache (Depth Anything V2,
# GeoCalib) and Unsplash.
SHOWN = (
    "measured/berlin_01.jpg",
    "measured/lund_03.jpg",
    "plain/moge_01_HouseIndoor.jpg",
    "plain/moge_03_Traffic.jpg",
    "plain/moge_05_Mountain.jpg",
    "plain/moge_10_MedievalVillage.jpg",
    "plain/dav2_05.jpg",
    "plain/dav2_09.jpg",
    "plain/geocalib_pinhole-church.jpg",
    "plain/m3d_david-kohler-VFRTXGw1VjU-unsplash.jpg",
)
STEP = 0.05  # of the median depth
TILE = (216, 162)  # pixels
SHADES = 32  # a channel: a PNG of them is half as large, and a tile looks the same
_GAP, _CAPTION = 4, 20  # pixels
_LETTERS = 0.4  # of OpenCV's font
_HOLE = np.array([1.0, 0.0, 1.0])
_DEPTHS = (
    2,
    90,
)  # percentiles between which depth is coloured; the sky's backdrop must not flatten the rest


def scenes_sheet() -> np.ndarray:
    """The Cycles scenes, (H, W, 3) 8-bit BGR."""
    rows = []
    for made in library.scenes():
        photo, true = read(made.photo_path), made.picture(PHOTO).depth
        found = estimate(photo, scene_grid(photo))
        limits = _limits(true[np.isfinite(true)])
        tiles = [
            _colours(photo),
            depth_picture(true, limits),
            depth_picture(found.depth, limits),
            *_sides(found, photo),
        ]
        rows.append((made.scene.name, tiles))
    return sheet(("photo", "true depth", "depth", "5 % to the left", "5 % to the right"), rows)


def photos_sheet(folder: Path) -> np.ndarray:
    """The photos that may be shown and are in the folder, (H, W, 3) 8-bit BGR."""
    rows = []
    for path in (folder / name for name in SHOWN if (folder / name).is_file()):
        photo = read(path)
        found = estimate(photo, scene_grid(photo))
        tiles = [
            _colours(photo),
            depth_picture(found.depth, _limits(found.depth[~found.sky])),
            *_sides(found, photo),
        ]
        rows.append((path.stem[:24], tiles))
    return sheet(("photo", "depth", "5 % to the left", "5 % to the right"), rows)


def _sides(found: DepthEstimate, photo: Photo) -> Iterator[np.ndarray]:
    """Yield the views from the left and from the right."""
    scene = lifted(found, photo)
    solid = found.depth[~found.sky]
    step = STEP * float(np.median(solid if solid.size else found.depth))
    for metres in (-step, step):
        yield _view(scene, found.view, metres)


def _view(scene: Splats, own: View, right: float) -> np.ndarray:
    """Return the view from so many metres to the right, its holes marked, (H, W, 3)."""
    pose = own.world_from_camera.copy()
    pose[:3, 3] += pose[:3, 0] * right
    scale = min(1.0, 2 * TILE[0] / own.width)
    view = replace(
        own.resized(round(own.width * scale), round(own.height * scale)), world_from_camera=pose
    )
    drawn = render(scene, view, RenderOptions(color_only=True))
    return drawn.color + (1 - drawn.alpha[..., None]) * _HOLE


def _colours(photo: Photo) -> np.ndarray:
    return photo.encoded(photo.width, photo.height)


def _limits(depth: np.ndarray) -> tuple[float, float]:
    low, high = np.percentile(depth, _DEPTHS)
    return float(low), float(max(high, low * 1.01))


def depth_picture(depth: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    """Paint depth (H, W) by its logarithm between two depths in metres, red near and blue far."""
    low, high = np.log(limits)
    far = np.clip((np.log(np.minimum(depth, 1e6)) - low) / (high - low), 0, 1)
    painted = cv2.applyColorMap(((1 - far) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    return painted[..., ::-1].astype(np.float32) / 255


def sheet(columns: tuple[str, ...], rows: list[tuple[str, list[np.ndarray]]]) -> np.ndarray:
    """Arrange tiles (H, W, 3) of any size, 0..1, with names of columns and rows, as 8-bit BGR."""
    width, height = TILE[0] + _GAP, TILE[1] + _GAP
    page = np.full((_CAPTION + len(rows) * height, len(columns) * width, 3), 255, np.uint8)
    for i, column in enumerate(columns):
        cv2.putText(
            page,
            column,
            (i * width + 4, 14),
            cv2.FONT_HERSHEY_SIMPLEX,
            _LETTERS,
            (0, 0, 0),
            1,
            cv2.LINE_AA,
        )
    for j, (name, tiles) in enumerate(rows):
        top = _CAPTION + j * height
        for i, tile in enumerate(tiles):
            page[top : top + TILE[1], i * width : i * width + TILE[0]] = _fitted(tile)
        _name(page[top:], name)
    step = 256 // SHADES
    return page // step * step + step // 2


def _fitted(tile: np.ndarray) -> np.ndarray:
    """The whole picture in a tile, on grey."""
    scale = min(TILE[0] / tile.shape[1], TILE[1] / tile.shape[0])
    size = max(1, round(tile.shape[1] * scale)), max(1, round(tile.shape[0] * scale))
    small = bgr(cv2.resize(np.asarray(tile, np.float32), size, interpolation=cv2.INTER_AREA))
    placed = np.full((TILE[1], TILE[0], 3), 235, np.uint8)
    left, top = (TILE[0] - size[0]) // 2, (TILE[1] - size[1]) // 2
    placed[top : top + size[1], left : left + size[0]] = small
    return placed


def _name(row: np.ndarray, name: str) -> None:
    """Write a row's name on a dark strip in its upper left corner."""
    (width, height), below = cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, _LETTERS, 1)
    row[: height + below + _GAP, : width + 2 * _GAP] = 40
    at = _GAP, height + _GAP // 2
    cv2.putText(row, name, at, cv2.FONT_HERSHEY_SIMPLEX, _LETTERS, (255, 255, 255), 1, cv2.LINE_AA)


def main() -> None:
    """Write both sheets; the photos' only where the folder is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--photos",
        type=Path,
        default=shared("photos"),
        help="holds measured/ and plain/ (default: photos/ in ANCHORSTAGE_SHARED)",
    )
    parser.add_argument("--output", type=Path, default=IMAGES)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    sheets = {"depth_scenes.png": scenes_sheet()}
    if options.photos is not None and options.photos.is_dir():
        sheets["depth_photos.png"] = photos_sheet(options.photos)
    for name, page in sheets.items():
        cv2.imwrite(str(options.output / name), page, [cv2.IMWRITE_PNG_COMPRESSION, 9])
        sys.stdout.write(f"{options.output / name}\n")


if __name__ == "__main__":
    main()
