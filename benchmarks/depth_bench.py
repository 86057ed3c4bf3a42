"""Depth held against the truth, and the views that it gives: `rows(folder)`, or run it with the photos' folder.

`python -m benchmarks.depth_bench PHOTOS --weights FILE` judges one run of the trainer in half a
minute.

scenes of Cycles, measured photos ─► every source ─► errors, silhouettes, gravity, confidence ─► means by set
scenes of Cycles ─► builtin, floor, truth ─► splats ─► true views from beside the photo's place (`novel_views`)
"""

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks import depth_metrics, depth_sources, depth_targets, novel_views, timing
from benchmarks.cycles import library
from benchmarks.depth_sources import BUILTIN, FALLBACK, Source
from benchmarks.measured import Measured, cycles, photos
from engine.depth import DepthOptions
from engine.depth.builtin import network
from engine.depth.estimating import estimate
from engine.image import Photo
from engine.regions.finding import find_regions

KNOWN, UNKNOWN = "known", "unknown"  # focal length: from EXIF or given, or to be found
TIMED_SIZE = 4000, 3000  # pixels: 12 MP
COLUMNS = (
    "abs_rel",
    "delta1",
    "abs_rel_aligned",
    "delta1_aligned",
    "abs_rel_median",
    "gravity_deg",
    "silhouette_f1",
    "silhouette_f1_with_sky",
    "surer_half",
    "surer_half_aligned",
    "seconds",
)
_METRIC = (
    "abs_rel",
    "delta1",
    "abs_rel_surer",
)  # what has no meaning where the truth's scale is free
_RATIOS = {  # columns that are one mean in another: a picture's own ratio leaps where its error is small
    "surer_half": ("abs_rel_surer", "abs_rel"),
    "surer_half_aligned": ("abs_rel_surer_aligned", "abs_rel_aligned"),
}
_MEDIANS = {
    "abs_rel_median": "abs_rel",
    "gravity_deg": "gravity_deg",
}  # columns that are medians, and of what

Row = dict[str, object]


def rows(folder: str | Path | None = None) -> list[Row]:
    """Targets; a row for each source, set and lens; novel views; the built-in's pictures one by one; the time of 12 MP."""
    scenes, real = library.scenes(), photos(folder)
    measured = [*cycles(scenes), *real]
    timing.say(f"depth of {len(measured)} pictures")
    each = [row for source in depth_sources.sources() for row in _of_source(source, measured)]
    own = [_picture(row) for row in each if row["source"] == BUILTIN and row["focal"] == KNOWN]
    timing.say(f"novel views of {len(scenes)} scenes")
    table = means(each) + novel_views.rows(scenes, real)
    return depth_targets.rows(table) + table + own + [_timing()]


def _of_source(source: Source, measured: list[Measured]) -> list[Row]:
    """Every picture with its focal length known, and for ours without it too."""
    lenses = (KNOWN, UNKNOWN) if source.name in (BUILTIN, FALLBACK) else (KNOWN,)
    return [judged(source, sample, focal) for focal in lenses for sample in measured]


def judged(source: Source, sample: Measured, focal: str = KNOWN) -> Row:
    """What a source makes of a picture."""
    photo, options = sample.photo, DepthOptions()
    if focal == UNKNOWN:
        photo = replace(photo, focal_px=None)
    elif sample.focal_px is not None:
        options = DepthOptions(focal_px=sample.focal_px)
    start = time.perf_counter()
    found = source.estimate(photo, options, sample.outdoors)
    seconds = time.perf_counter() - start
    at = (
        _cells(sample.places[0], found.depth.shape[0], photo.height),
        _cells(sample.places[1], found.depth.shape[1], photo.width),
    )
    numbers = depth_metrics.errors(found.depth[at], sample.depth)
    numbers |= depth_metrics.surer_half(found.depth[at], found.confidence[at], sample.depth)
    if sample.picture is not None:
        numbers |= depth_metrics.silhouettes(found.depth, found.sky, sample.picture.depth)
        numbers["gravity_deg"] = depth_metrics.gravity_error(
            found, sample.picture.view.world_from_camera
        )
    if not sample.metric:
        numbers = {name: value for name, value in numbers.items() if name not in _METRIC}
    return {
        "source": source.name,
        "focal": focal,
        "name": sample.name,
        "sets": sample.sets,
        **numbers,
        "seconds": seconds,
    }


def _cells(places: np.ndarray, cells: int, pixels: int) -> np.ndarray:
    """Photo pixels to grid cells."""
    return np.clip((places + 0.5) * cells / pixels, 0, cells - 1).astype(int)


def means(each: list[Row]) -> list[Row]:
    """Rows of `judged` as one row for each set, source and lens: means, but for the columns that are medians."""
    sets = dict.fromkeys(name for row in each for name in sorted(_sets(row)))
    table: list[Row] = []
    for name in sorted(sets):
        for source, focal in dict.fromkeys((row["source"], row["focal"]) for row in each):
            chosen = [
                row
                for row in each
                if name in _sets(row) and (row["source"], row["focal"]) == (source, focal)
            ]
            if chosen:
                head: Row = {
                    "what": "depth",
                    "set": name,
                    "source": source,
                    "focal": focal,
                    "pictures": len(chosen),
                }
                table.append(head | {column: _mean(column, chosen) for column in COLUMNS})
    return table


def _sets(row: Row) -> tuple[str, ...]:
    return row["sets"]  # type: ignore[return-value]


def _mean(column: str, chosen: list[Row]) -> object:
    """Of those that have the number; an empty string where none has."""
    if column in _RATIOS:
        both = [
            [row[name] for name in _RATIOS[column]]
            for row in chosen
            if all(name in row for name in _RATIOS[column])
        ]
        half, whole = (
            np.array(both, float).reshape(-1, 2).mean(axis=0) if both else (np.nan, np.nan)
        )
        return round(float(half / whole), 3) if whole > 0 else ""
    values = [
        row[_MEDIANS.get(column, column)] for row in chosen if _MEDIANS.get(column, column) in row
    ]
    if not values:
        return ""
    return round(float((np.median if column in _MEDIANS else np.mean)(np.array(values, float))), 3)


def _picture(row: Row) -> Row:
    """One picture as a row of the table."""
    head: Row = {
        "what": "picture",
        "name": row["name"],
        "set": _sets(row)[0],
        "source": row["source"],
    }
    return head | {column: _mean(column, [row]) for column in COLUMNS if column != "abs_rel_median"}


def _timing() -> Row:
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
    return {
        "what": "12 MP",
        "kind": "timing",
        "depth s": round(seconds[0], 2),
        "regions s": round(seconds[1], 2),
    }


def quick(folder: Path | None, weights: Path | None) -> list[Row]:
    """Of the built-in and what it is without its weights, the focal length known: no views, no models."""
    measured = [*cycles(library.scenes()), *photos(folder)]
    chosen = [source for source in depth_sources.sources() if source.name in (BUILTIN, FALLBACK)]
    with depth_sources.with_weights(weights or network.WEIGHTS):
        each = [judged(source, sample) for source in chosen for sample in measured]
    table = means(each)
    return depth_targets.rows(table) + table


def main() -> None:
    """Print the rows: of everything, or of the built-in alone with some weights of the network."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("photos", type=Path, nargs="?", help="folder of measured photos")
    parser.add_argument(
        "--quick", action="store_true", help="the built-in alone, and no views: half a minute"
    )
    parser.add_argument(
        "--weights",
        type=Path,
        help="with these weights of the network (an .npz of the trainer); quick",
    )
    options = parser.parse_args()
    table = (
        quick(options.photos, options.weights)
        if options.quick or options.weights
        else rows(options.photos)
    )
    for row in table:
        sys.stdout.write("  ".join(f"{name} {value}" for name, value in row.items()) + "\n")


if __name__ == "__main__":
    main()
