"""The benchmarks: `bench.py [--only NAME] [--json] [--photos FOLDER]`.

Prints tables and writes docs/benchmarks.md; with `--json` prints one object and writes nothing. `--only` leaves the other
parts of docs/benchmarks.md as they are.
"""

import argparse
import json
import os
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"
_PARTS = {
    "render": "Rendering",
    "reconstruct": "Photo to scene",
    "depth": "Depth against measured photos",
}


def main() -> None:
    """Measure, print, write."""
    options = _options()
    tables = {name: _measure(name, options) for name in _PARTS if options.only in (None, name)}
    if options.json:
        sys.stdout.write(json.dumps({"machine": _machine(), **tables}) + "\n")
        return
    for name, table in tables.items():
        sys.stdout.write(f"{_PARTS[name]}\n{_markdown(table)}\n")
    _write(tables)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=sorted(_PARTS))
    parser.add_argument("--json", action="store_true")
    default = ROOT.parent / "shared" / "photos" / "measured"
    parser.add_argument("--photos", type=Path, default=default if default.is_dir() else None, help="folder of measured photos")
    return parser.parse_args()


def _measure(name: str, options: argparse.Namespace) -> list[dict[str, object]]:
    from benchmarks import depth_bench, reconstruct_bench, render_bench
    from tools.photo import ensure_photo

    measures: dict[str, Callable[[], list[dict[str, object]]]] = {
        "render": render_bench.rows,
        "reconstruct": lambda: reconstruct_bench.rows(ensure_photo(Path(sys.executable))),
        "depth": lambda: depth_bench.rows(options.photos),
    }
    return measures[name]()


def _machine() -> str:
    names = re.findall(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text()) if Path("/proc/cpuinfo").exists() else []
    processor = names[0] if names else platform.processor()
    versions = f"Python {platform.python_version()}, NumPy {np.__version__}, OpenCV {cv2.__version__}"
    return f"{processor}, {os.cpu_count()} cores; {versions}"


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


def _write(tables: dict[str, list[dict[str, object]]]) -> None:
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    old = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL))
    sections = ["# Benchmarks\n\nWritten by `python build.py bench`; each part names the machine it was measured on.\n"]
    for name, title in _PARTS.items():
        body = f"\n{_machine()}\n{_markdown(tables[name])}\n" if name in tables else old.get(title)
        if body:
            sections.append(f"\n## {title}\n{body.rstrip()}\n")
    PAGE.write_text("".join(sections), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
