"""Depth against measured photos: `rows(folder)`, or run it with the folder's path.

The folder holds NAME.jpg, NAME.json (width, height, fx in pixels, `kind`, `metric`: whether metres are known) and NAME.npz
(`u`, `v` pixel columns and rows, `z` planar metres, sparse). The photos are no part of the project; without the folder
there are no rows but the timing of a 12-megapixel picture.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

from engine.depth import DepthEstimate, DepthOptions, estimate
from engine.image import Photo, read
from engine.regions import find_regions

CLOSE = 1.25  # the ratio that delta1 allows
TIMED_SIZE = 4000, 3000  # pixels: 12 MP


def rows(folder: str | Path | None = None) -> list[dict[str, object]]:
    """One row for each measured photo with its focal length known, their means by kind, and the time of 12 MP."""
    photos = sorted(Path(folder).glob("*.json")) if folder else []
    table = [_photo_row(record) for record in photos]
    return table + _means(table) + [_timing()]


def _photo_row(record: Path) -> dict[str, object]:
    """AbsRel and delta1, metric and after alignment of the median, and what the estimate's own doubt is worth."""
    known = json.loads(record.read_text())
    photo = read(record.with_suffix(".jpg"))
    found = estimate(photo, DepthOptions(focal_px=known["fx"] * photo.width / known["width"]))
    with np.load(record.with_suffix(".npz")) as points:
        rows_of, columns = points["v"].astype(float), points["u"].astype(float)
        true = points["z"].astype(float)
    at = _cells(rows_of, found.view.height, photo.height), _cells(columns, found.view.width, photo.width)
    row: dict[str, object] = {"what": record.stem, "kind": known["kind"]}
    if known["metric"]:
        row |= _errors(found.depth[at], true, "") | _doubt(found, at, true)
    return row | _errors(found.depth[at] * np.median(true / found.depth[at]), true, "aligned ")


def _cells(places: np.ndarray, cells: int, pixels: int) -> np.ndarray:
    """Photo pixels to grid cells."""
    return np.clip((places + 0.5) * cells / pixels, 0, cells - 1).astype(int)


def _errors(depth: np.ndarray, true: np.ndarray, prefix: str) -> dict[str, object]:
    """The two usual measures (Eigen 2014)."""
    ratio = depth / true
    close = np.maximum(ratio, 1 / ratio) < CLOSE
    return {f"{prefix}AbsRel": round(float(np.abs(ratio - 1).mean()), 3), f"{prefix}d1": round(float(close.mean()), 3)}


def _doubt(found: DepthEstimate, at: tuple[np.ndarray, np.ndarray], true: np.ndarray) -> dict[str, object]:
    """Median error in the estimate's own standard deviations (0.67 if honest), and AbsRel of its surer half."""
    sigmas = np.abs(found.depth[at] - true) / found.uncertainty[at]
    sure = found.confidence[at] >= np.median(found.confidence[at])
    surer = np.abs(found.depth[at][sure] / true[sure] - 1).mean()
    return {"median sigmas": round(float(np.median(sigmas)), 2), "AbsRel surer half": round(float(surer), 3)}


def _means(table: list[dict[str, object]]) -> list[dict[str, object]]:
    """The mean of each column, by kind and over all photos."""
    means = []
    for kind in [*dict.fromkeys(str(row["kind"]) for row in table), "all"]:
        chosen = [row for row in table if kind in ("all", row["kind"])]
        names = dict.fromkeys(name for row in chosen for name in row if name not in ("what", "kind"))
        mean: dict[str, object] = {"what": "mean", "kind": kind}
        for name in names:
            mean[name] = round(float(np.mean([row[name] for row in chosen if name in row])), 3)
        if chosen:
            means.append(mean)
    return means


def _timing() -> dict[str, object]:
    """Seconds for depth and regions of a 12 MP picture of houses under a sky, made here; the second of two runs."""
    y, x = np.mgrid[: TIMED_SIZE[1], : TIMED_SIZE[0]].astype(np.float32)
    windows = ((x % 300 < 150) & (y % 250 < 120)) * 90
    house = 150 - windows + (x * 7 + y * 3) % 13
    pixels = np.stack([np.where(y < 900, 140 + 40 * i, house - 20 * i) for i in range(3)], axis=-1)
    photo = Photo("houses", ".png", b"", np.clip(pixels, 0, 255).astype(np.uint8))
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        found = estimate(photo)
        middle = time.perf_counter()
        find_regions(found, photo.encoded(found.view.width, found.view.height))
        seconds = [middle - start, time.perf_counter() - middle]
    return {"what": "12 MP", "kind": "timing", "depth s": round(seconds[0], 2), "regions s": round(seconds[1], 2)}


if __name__ == "__main__":
    for row in rows(sys.argv[1] if len(sys.argv) > 1 else None):
        print("  ".join(f"{name} {value}" for name, value in row.items()))
