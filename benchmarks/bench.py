"""The benchmarks: `bench.py [--only NAME] [--json] [--photos FOLDER]`.

Prints tables, and writes docs/benchmarks.json, docs/benchmarks.md and its plots; with `--json` it
prints one object and writes nothing. `--only` measures one part and keeps the others that
docs/benchmarks.json has; `render` brings `levels` along.
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
sys.path.insert(0, str(ROOT))

from benchmarks import page  # noqa: E402
from benchmarks.page import Row  # noqa: E402
from tools.shared import shared  # noqa: E402

PAGE = ROOT / "docs" / "benchmarks.md"
IMAGES = ROOT / "docs" / "images"


def main() -> None:
    """Measure the chosen parts, print their tables and write them."""
    options = _options()
    # of the time before the measurements, whose own load is not the machine's
    machine = _machine()
    tables = {name: _measure(name, options) for name in _chosen(options.only)}
    if options.json:
        sys.stdout.write(json.dumps({"machine": machine, **tables}) + "\n")
        return
    for name, rows in tables.items():
        sys.stdout.write(f"{page.TITLES[name]}\n{_markdown(rows)}\n")
    _write(tables, machine)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=sorted(page.TITLES))
    parser.add_argument("--json", action="store_true")
    parser.add_argument(
        "--photos",
        type=Path,
        default=shared("photos/measured"),
        help="folder of measured photos (default: photos/measured in ANCHORSTAGE_SHARED)",
    )
    return parser.parse_args()


def _chosen(only: str | None) -> tuple[str, ...]:
    if only is None:
        return tuple(page.TITLES)
    return ("render", "levels") if only == "render" else (only,)


def _measure(name: str, options: argparse.Namespace) -> list[Row]:
    from benchmarks import depth_bench, levels_bench, reconstruct_bench, render_bench, timing
    from tools.photo import ensure_photo

    measures: dict[str, Callable[[], list[Row]]] = {
        "render": render_bench.rows,
        "levels": levels_bench.rows,
        "reconstruct": lambda: reconstruct_bench.rows(ensure_photo(Path(sys.executable))),
        "depth": lambda: depth_bench.rows(options.photos),
    }
    timing.say(page.TITLES[name])
    return measures[name]()


def _machine() -> str:
    """Return one line about the processor, its load and the versions of what is measured."""
    versions = ", ".join(
        [
            f"Python {platform.python_version()}",
            f"NumPy {np.__version__}",
            f"OpenCV {cv2.__version__}",
            f"PyTorch {version('torch')}",
        ]
    )
    load = f", load {os.getloadavg()[0]:.1f} before" if hasattr(os, "getloadavg") else ""
    return f"{_processor()}, {os.cpu_count()} cores{load}; {versions}"


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        names = re.findall(r"model name\s*:\s*(.+)", information.read_text())
        if names:
            return names[0]
    return platform.processor()


def _markdown(rows: list[Row]) -> str:
    """Return rows as tables; a new one begins wherever the columns change."""
    lines: list[str] = []
    columns: list[str] = []
    for row in rows:
        if list(row) != columns:
            columns = list(row)
            lines += ["", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        lines.append("| " + " | ".join(str(value) for value in row.values()) + " |")
    return "\n".join(lines) + "\n"


def _write(tables: dict[str, list[Row]], machine: str) -> None:
    """Replace the measured parts of the JSON, draw their plots and make the page anew."""
    from benchmarks import plots

    if "render" in tables:
        plots.draw(tables["render"], machine, IMAGES)
    if "depth" in tables:
        plots.draw_depth(tables["depth"], machine, IMAGES)
    json_path = PAGE.with_suffix(".json")
    parts = page.read(json_path)
    for name, rows in tables.items():
        parts[name] = page.part(name, rows, machine)
    page.write(parts, json_path, PAGE, IMAGES)


if __name__ == "__main__":
    main()
