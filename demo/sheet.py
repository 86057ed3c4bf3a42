"""The demo's contact sheet: photo, depth, normals, confidence, regions, what was continued, first and last frame.

Run by `build.py demo` with the engine's Python: `sheet.py OUTPUT` reads `summary.json` and what it names.
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

TILE = (640, 360)
CAPTION = 34  # pixels
GREY = 28
CONTINUED = 0.5  # grey
FAR_PERCENTILE = 97  # the sky's backdrop must not flatten the rest of the depth picture


def main(output: Path) -> None:
    """Write `contact_sheet.png` and print the summary."""
    summary = json.loads((output / "summary.json").read_text(encoding="utf-8"))
    folder = Path(summary["scene"])
    scene = open_scene(folder)
    frames = sorted(Path(summary["exr"]).glob("shot.*.exr"))
    path = output / "contact_sheet.png"
    ends = [read_exr(frame)[0] for frame in (frames[0], frames[-1])]
    cv2.imwrite(str(path), _sheet(folder, scene, ends, len(frames)))
    print(_told(summary, path))


def _sheet(folder: Path, scene: Scene, ends: list[dict[str, np.ndarray]], count: int) -> np.ndarray:
    photo = image.read(folder / scene.photo.file_name)
    tiles = [
        ("photo", _bgr(photo.encoded(photo.width, photo.height))),
        ("depth, near is bright", _depth(scene.maps.depth)),
        ("normals", _bgr(scene.maps.normal * 0.5 + 0.5)),
        (
            "confidence: green above 0.8, yellow above 0.5, red below",
            _bgr(_traffic_light(scene.maps.confidence)),
        ),
        ("regions: " + ", ".join(region.id for region in scene.regions), _regions(scene)),
        ("last frame: photographed black, continued grey, void white", _unseen(ends[1])),
        ("frame 1", _beauty(ends[0])),
        (f"frame {count}", _beauty(ends[1])),
    ]
    cells = [_cell(caption, tile) for caption, tile in tiles]
    return np.vstack([np.hstack(cells[i : i + 2]) for i in range(0, len(cells), 2)])


def _cell(caption: str, tile: np.ndarray) -> np.ndarray:
    width, height = TILE
    scale = min(width / tile.shape[1], height / tile.shape[0])
    size = (max(1, round(tile.shape[1] * scale)), max(1, round(tile.shape[0] * scale)))
    small = cv2.resize(tile, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    cell = np.full((height + CAPTION, width, 3), GREY, np.uint8)
    top, left = CAPTION + (height - size[1]) // 2, (width - size[0]) // 2
    cell[top : top + size[1], left : left + size[0]] = small
    cv2.putText(
        cell,
        caption[:78],
        (8, CAPTION - 11),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.5,
        (230, 230, 230),
        1,
        cv2.LINE_AA,
    )
    return cell


def _bgr(rgb: np.ndarray) -> np.ndarray:
    return (np.clip(rgb[..., ::-1], 0, 1) * 255 + 0.5).astype(np.uint8)


def _unseen(frame: dict[str, np.ndarray]) -> np.ndarray:
    """What no camera has seen: half as bright where surfaces were continued into it, full where nothing is."""
    shade = np.where(frame["void.A"] > 0, 1.0, np.where(frame["origin.A"] > 0, CONTINUED, 0.0))
    return _bgr(np.repeat(shade[..., None], 3, axis=2))


def _depth(depth: np.ndarray) -> np.ndarray:
    near, far = 1 / np.percentile(depth, 1), 1 / np.percentile(depth, FAR_PERCENTILE)
    shade = np.clip((1 / depth - far) / max(near - far, 1e-9), 0, 1)
    return cv2.applyColorMap((shade * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)


def _traffic_light(confidence: np.ndarray) -> np.ndarray:
    """The overlay's three colours."""
    steps = np.array([[0.90, 0.20, 0.15], [0.95, 0.80, 0.15], [0.20, 0.80, 0.25]], np.float32)
    return steps[(confidence >= 0.5).astype(int) + (confidence > 0.8)]


def _regions(scene: Scene) -> np.ndarray:
    picture = np.zeros((*scene.maps.depth.shape, 3), np.float32)
    for index, region in enumerate(scene.regions):
        picture[region.mask] = REGION_COLORS[index % len(REGION_COLORS)]
    return _bgr(picture)


def _beauty(channels: dict[str, np.ndarray]) -> np.ndarray:
    return _bgr(encode_srgb(np.stack([channels[name] for name in "RGB"], axis=-1)))


def _told(summary: dict, sheet: Path) -> str:
    seconds = ", ".join(f"{stage} {value:.1f} s" for stage, value in summary["seconds"].items())
    return "\n".join(
        [
            f"Blender {summary['blender']}: {seconds}",
            f"{summary['splats']:,} splats; regions {', '.join(summary['regions'])}; depth {summary['depth']}",
            f"{summary['frames']} frames of 1280x720, {summary['frames_per_second']:.1f} a second, all passes, written",
            f"peak memory: Blender {summary['blender_peak_mib']} MiB, engine {summary['engine_peak_mib']} MiB",
            f"EXRs: {summary['exr']}",
            f"scene: {summary['scene']}   .blend: {summary['blend']}",
            f"contact sheet: {sheet}",
        ]
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
