"""The benchmarks: `bench.py [--only NAME] [--json] [--photos FOLDER]`.

Prints tables and writes docs/benchmarks.md and its plots; with `--json` prints one object and writes nothing. `--only`
leaves the other parts of docs/benchmarks.md as they are; `render` brings `levels` along.
"""

import argparse
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images"
_PARTS = {
    "render": "Rendering",
    "levels": "Levels of detail",
    "reconstruct": "Photo to scene",
    "depth": "Depth and novel views",
}

_READING = """
`ratio` is the peer's wall time in ours. `cpu_ms` is of all threads together, `wall_ms` what one waits; each is the least of
`repeats` runs after one that is not counted (of the memory's first frame, that one). The stages
(`project_ms` to `rest_ms`, and `in_all_ms`) are CPU time of a frame on one thread; one kernel sorts, blends and writes a tile.
`memory_mb` is the peak beyond what the process held with the scene (`scene_mb`) in memory. The PyTorch rasteriser
(`benchmarks/torch_peer.py`) draws the same picture and uses all cores.
"""


_DEPTH_READING = """
Scenes with exact truth are made by `benchmarks/cycles` in Blender's Cycles, ten of seven kinds; photos with measured depth come
from the folder `--photos`. Estimators are held against a plane at the usual distance (`floor`: 6 m outdoors, 3 m indoors, which
it is told) and, for the views, against the true depth (`truth`). `aligned`: the true median scale is given. `focal unknown`:
without EXIF. `surer_half`: error of the more confident half in that of the whole. `silhouette_f1`: steps of 0.2 in log depth,
3 pixels off at most, those at the sky left out. Sets are means, but for `abs_rel_median` and `gravity_deg`, which are medians.

Views: `psnr`, `ssim`, `ms_gmsd` (0 is the same) of what the photo saw; `_filled`: of the whole frame, with what the renderer
left open grown over from its border. Moves are parts of the scene's true median depth, `aligned` in the unit of the estimate.
`fitted`: by 40 iterations of `reconstruct --fit`. `holes`: alpha below 0.5; `inside`: of what lies within the photo's frame;
`void`: what the photo never saw.
"""
_SHEETS = ("depth_scenes.png", "depth_photos.png")  # of `python -m benchmarks.sheets`


def main() -> None:
    """Measure, print, write."""
    options = _options()
    machine = _machine()
    chosen = {None: tuple(_PARTS), "render": ("render", "levels")}.get(
        options.only, (options.only,)
    )
    tables = {name: _measure(name, options) for name in chosen}
    if options.json:
        sys.stdout.write(json.dumps({"machine": machine, **tables}) + "\n")
        return
    for name, table in tables.items():
        sys.stdout.write(f"{_PARTS[name]}\n{_markdown(table)}\n")
    _write(tables, machine)


def _options() -> argparse.Namespace:
    from tools.shared import shared

    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=sorted(_PARTS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--photos",
        type=Path,
        default=shared("photos/measured"),
        help="folder of measured photos (default: photos/measured in ANCHORSTAGE_SHARED)",
    )
    return parser.parse_args()


def _measure(name: str, options: argparse.Namespace) -> list[dict[str, object]]:
    from benchmarks import depth_bench, levels_bench, reconstruct_bench, render_bench, timing
    from tools.photo import ensure_photo

    measures: dict[str, Callable[[], list[dict[str, object]]]] = {
        "render": render_bench.rows,
        "levels": levels_bench.rows,
        "reconstruct": lambda: reconstruct_bench.rows(ensure_photo(Path(sys.executable))),
        "depth": lambda: depth_bench.rows(options.photos),
    }
    timing.say(_PARTS[name])
    return measures[name]()


def _machine() -> str:
    names = (
        re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
        if Path("/proc/cpuinfo").exists()
        else []
    )
    processor = names[0] if names else platform.processor()
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, OpenCV {cv2.__version__}, PyTorch {version('torch')}"
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return f"{processor}, {os.cpu_count()} cores{load}; {versions}"


def _markdown(table: list[dict[str, object]]) -> str:
    """Rows as tables; a new one wherever the columns change."""
    lines: list[str] = []
    columns: list[str] = []
    for row in table:
        if list(row) != columns:
            columns = list(row)
            lines += ["", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines.append("| " + " | ".join(str(value) for value in row.values()) + " |")
    return "\n".join(lines) + "\n"


def _write(tables: dict[str, list[dict[str, object]]], machine: str) -> None:
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    old = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    sections = [
        "# Benchmarks\n\nWritten by `python build.py bench`; each part names the machine it was measured on.\n"
    ]
    for name, title in _PARTS.items():
        body = old.get(title)
        if name in tables:
            body = f"\n{machine}\n{_preface(name, tables, machine)}{_markdown(tables[name])}\n"
        if body:
            sections.append(f"\n## {title}\n{body.rstrip()}\n")
    PAGE.write_text("".join(sections), encoding="utf-8")


def _preface(name: str, tables: dict[str, list[dict[str, object]]], machine: str) -> str:
    """What stands above a part's table: how it is read, and its plots, which are drawn now."""
    if name not in ("render", "depth"):
        return ""
    from benchmarks import plots

    if name == "render":
        return _READING + _pictures(plots.draw(tables[name], machine, IMAGES))
    sheets = [IMAGES / sheet for sheet in _SHEETS if (IMAGES / sheet).is_file()]
    return _DEPTH_READING + _pictures([*plots.draw_depth(tables[name], machine, IMAGES), *sheets])


def _pictures(paths: list[Path]) -> str:
    return "".join(
        f"\n![{path.stem}]({path.relative_to(PAGE.parent).as_posix()})\n" for path in paths
    )


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
