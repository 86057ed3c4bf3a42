"""The demo's contact sheet: photo, maps, regions, the void, and the first and the last frame.

Run by `build.py demo` with the engine's Python: `sheet.py OUTPUT` reads `summary.json` and the
files that it names.
"""

import json
import sys
from pathlib import Path

import cv2
import numpy as np

from engine import image
from engine.colour import encode_srgb
from engine.exr import read_exr
from engine.scene import REGION_COLORS, Scene
from engine.scene.folder import open_scene

TILE = (640, 360)  # pixels
CAPTION = 34  # pixels above a tile
CAPTION_LETTERS = 78  # as many as a tile is wide
GREY = 28  # of 255: the sheet's background
CONTINUED = 0.5  # grey of surfaces that were continued behind others
NEAR_PERCENTILE = 1  # of depth: brightest in the picture of depth
FAR_PERCENTILE = 97  # of depth: the sky's backdrop must not flatten the rest of the picture
# The overlay's colours for low, middle and high confidence, and the limits between them.
TRAFFIC_LIGHT = [[0.90, 0.20, 0.15], [0.95, 0.80, 0.15], [0.20, 0.80, 0.25]]
LOW = 0.5
HIGH = 0.8


def main(output: Path) -> None:
    """Write `contact_sheet.png` and print the summary."""
    summary = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    folder = Path(summary["scene"])
    scene = open_scene(folder)
    frames = sorted(Path(summary["exr"]).glob("shot.*.exr"))
    path = output / "contact_sheet.png"
    ends = [read_exr(frame)[0] for frame in (frames[0], frames[-1])]
    cv2.imwrite(str(path), _sheet(folder, scene, ends, len(frames)))
    print(_lines(summary, path))


def _sheet(folder: Path, scene: Scene, ends: list[dict[str, np.ndarray]], count: int) -> np.ndarray:
    photo = image.read(folder / scene.photo.file_name)
    encoded = photo.encoded(photo.width, photo.height)
    confidence = _traffic_light(scene.maps.confidence)
    region_names = ", ".join(region.id for region in scene.regions)
    tiles = [
        ("photo", _bgr(encoded)),
        ("depth, near is bright", _depth(scene.maps.depth)),
        ("normals", _bgr(scene.maps.normal * 0.5 + 0.5)),
        ("confidence: green above 0.8, yellow above 0.5, red below", _bgr(confidence)),
        (f"regions: {region_names}", _regions(scene)),
        ("last frame: photographed black, continued grey, void white", _unseen(ends[1])),
        ("frame 1", _beauty(ends[0])),
        (f"frame {count}", _beauty(ends[1])),
    ]
    cells = [_cell(caption, tile) for caption, tile in tiles]
    rows = [np.hstack(cells[i : i + 2]) for i in range(0, len(cells), 2)]
    return np.vstack(rows)


def _cell(caption: str, tile: np.ndarray) -> np.ndarray:
    """Fit a picture into a tile, with its caption above."""
    width, height = TILE
    tile_height, tile_width = tile.shape[:2]
    scale = min(width / tile_width, height / tile_height)
    fitted_width = max(1, round(tile_width * scale))
    fitted_height = max(1, round(tile_height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = cv2.resize(tile, (fitted_width, fitted_height), interpolation=interpolation)

    cell = np.full((height + CAPTION, width, 3), GREY, np.uint8)
    top = CAPTION + (height - fitted_height) // 2
    left = (width - fitted_width) // 2
    cell[top : top + fitted_height, left : left + fitted_width] = small
    cv2.putText(
        cell,
        caption[:CAPTION_LETTERS],
        (8, CAPTION - 11),
        cv2.FONT_HERSHEY_SIMPLEX,
        fontScale=0.5,
        color=(230, 230, 230),
        thickness=1,
        lineType=cv2.LINE_AA,
    )
    return cell


def _bgr(rgb: np.ndarray) -> np.ndarray:
    """Round colours 0..1 to OpenCV's 8-bit pictures."""
    rounded = np.clip(rgb[..., ::-1], 0, 1) * 255 + 0.5
    return rounded.astype(np.uint8)


def _unseen(frame: dict[str, np.ndarray]) -> np.ndarray:
    """Show the surfaces that no camera has seen in grey, and white where nothing is."""
    is_void = frame["void.A"] > 0
    is_continued = frame["origin.A"] > 0
    shade = np.where(is_continued, CONTINUED, 0.0)
    shade = np.where(is_void, 1.0, shade)
    return _bgr(np.repeat(shade[..., None], 3, axis=2))


def _depth(depth: np.ndarray) -> np.ndarray:
    """Show inverse depth in false colours."""
    near = 1 / np.percentile(depth, NEAR_PERCENTILE)
    far = 1 / np.percentile(depth, FAR_PERCENTILE)
    shade = np.clip((1 / depth - far) / max(near - far, 1e-9), 0, 1)
    eight_bits = (shade * 255).astype(np.uint8)
    return cv2.applyColorMap(eight_bits, cv2.COLORMAP_INFERNO)


def _traffic_light(confidence: np.ndarray) -> np.ndarray:
    """Show confidence in the overlay's three colours."""
    colours = np.array(TRAFFIC_LIGHT, np.float32)
    step = (confidence >= LOW).astype(int) + (confidence > HIGH)
    return colours[step]


def _regions(scene: Scene) -> np.ndarray:
    """Show each region in its colour."""
    picture = np.zeros((*scene.maps.depth.shape, 3), np.float32)
    for index, region in enumerate(scene.regions):
        picture[region.mask] = REGION_COLORS[index % len(REGION_COLORS)]
    return _bgr(picture)


def _beauty(channels: dict[str, np.ndarray]) -> np.ndarray:
    """Show a frame's colours."""
    linear = np.stack([channels[name] for name in "RGB"], axis=-1)
    return _bgr(encode_srgb(linear))


def _lines(summary: dict, sheet: Path) -> str:
    """Return the summary for a person."""
    stages = [f"{stage} {value:.1f} s" for stage, value in summary["seconds"].items()]
    seconds = ", ".join(stages)
    regions = ", ".join(summary["regions"])
    rate = summary["frames_per_second"]
    blender_peak = summary["blender_peak_mib"]
    engine_peak = summary["engine_peak_mib"]
    lines = [
        f"Blender {summary['blender']}: {seconds}",
        f"{summary['splats']:,} splats; regions {regions}; depth {summary['depth']}",
        f"{summary['frames']} frames of 1280x720, {rate:.1f} a second, all passes, written",
        f"peak memory: Blender {blender_peak} MiB, engine {engine_peak} MiB",
        f"EXRs: {summary['exr']}",
        f"scene: {summary['scene']}   .blend: {summary['blend']}",
        f"contact sheet: {sheet}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
