"""The benchmark's pictures, drawn from the table's own rows.

They show the cost of a frame, and the distance of depth and of new views from the truth.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

Row = dict[str, Any]

COLOR = "colour, depth, alpha"
WIDTH = 1280  # pixels, of the picture whose cost is drawn against splats
STAGES = {  # columns of one thread's stages: what they are called, their colours
    "project_ms": ("project", "#4c78a8"),
    "scatter_ms": ("scatter", "#f58518"),
    "sort_blend_write_ms": ("sort + blend + write", "#54a24b"),
    "rest_ms": ("rest (culling, memory)", "#9d9d9d"),
}
SHADES = "viridis"
PER_MEGA = 1e6
INCHES = (7.2, 4.6)
DPI = 110


def draw(rows: list[Row], machine: str, folder: Path) -> list[Path]:
    """Write bench_splats.png and bench_pixels.png.

    Args:
        rows: of `render_bench.rows`.
        machine: a line about it, for the titles.
        folder: where the pictures go; made where it is not.

    Returns:
        Their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    forward = [
        row
        for row in rows
        if row["what"] == "forward" and row["passes"] == COLOR and row.get("camera") == "photo's"
    ]
    projection = [row for row in rows if row["what"] == "projection"]
    return [
        _picture(
            folder / "bench_splats.png",
            machine,
            lambda axes: _against_splats(axes, forward, projection),
        ),
        _picture(folder / "bench_pixels.png", machine, lambda axes: _against_pixels(axes, forward)),
    ]


def _picture(path: Path, machine: str, fill: Callable[[Axes], None]) -> Path:
    """Draw a picture of costs, on two logarithmic axes."""

    def fill_logarithmic(axes: Axes) -> None:
        axes.set(xscale="log", yscale="log", ylabel="CPU time of a frame, ms, all threads together")
        fill(axes)
        axes.yaxis.set_major_formatter(FuncFormatter(_plain))
        axes.grid(which="major", color="#d9d9d9")
        axes.grid(which="minor", color="#f0f0f0")

    return _figure(path, machine, fill_logarithmic)


def _figure(path: Path, machine: str, fill: Callable[[Axes], None]) -> Path:
    """Draw one picture with its legend beside it, and the machine below its title."""
    figure, axes = plt.subplots(figsize=INCHES, layout="constrained")
    fill(axes)
    axes.set_axisbelow(True)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.suptitle(f"{axes.get_title()}\n{machine}", fontsize=8)
    axes.set_title("")
    figure.savefig(path, dpi=DPI)
    plt.close(figure)
    return path


def _against_splats(axes: Axes, forward: list[Row], projection: list[Row]) -> None:
    """Draw a frame's cost, its stages on one thread, and the peers."""
    chosen = [row for row in forward if row["width"] == WIDTH]
    chosen.sort(key=lambda row: row["splats"])
    splats = [row["splats"] for row in chosen]

    def line(rows: list[Row], column: str, style: str, colour: str, label: str) -> None:
        counts = [row["splats"] for row in rows]
        costs = [row[column] for row in rows]
        axes.plot(counts, costs, style, color=colour, label=label)

    line(chosen, "peer_cpu_ms", "s--", "#b0413e", "PyTorch rasteriser")
    line(projection, "peer_cpu_ms", "^--", "#e4a3a1", "gsplat's projection\nin PyTorch, alone")
    line(chosen, "cpu_ms", "o-", "black", "AnchorStage,\nall threads")
    for column, (name, colour) in STAGES.items():
        line(chosen, column, ".-", colour, f"  {name},\n  one thread")
    axes.set(xlabel="splats", title=f"Cost against splats: {COLOR} at {WIDTH}x720")
    axes.set_xticks(splats, [_short(count) for count in splats], minor=False)
    axes.set_xticks([], minor=True)


def _against_pixels(axes: Axes, forward: list[Row]) -> None:
    """Draw the cost of every scene at every size, ours and the peer's."""
    counts = sorted({row["splats"] for row in forward})
    shades = plt.get_cmap(SHADES)
    for whose, column, style in (
        ("AnchorStage", "cpu_ms", "o-"),
        ("PyTorch rasteriser", "peer_cpu_ms", "s--"),
    ):
        for i, count in reversed(list(enumerate(counts))):
            chosen = [row for row in forward if row["splats"] == count]
            chosen.sort(key=lambda row: row["width"])
            axes.plot(
                [_megapixels(row["width"], row["height"]) for row in chosen],
                [row[column] for row in chosen],
                style,
                color=shades(0.9 * i / max(1, len(counts) - 1)),
                label=f"{whose}, {_short(count)}",
            )
    sizes = sorted({(row["width"], row["height"]) for row in forward})
    labels = [f"{width}x{height}\n{_megapixels(width, height):.1f}" for width, height in sizes]
    axes.set(xlabel="pixels, millions", title=f"Cost against pixels: {COLOR}")
    axes.set_xticks([_megapixels(*size) for size in sizes], labels, minor=False)
    axes.set_xticks([], minor=True)


def _megapixels(width: int, height: int) -> float:
    return width * height / PER_MEGA


def _short(count: int) -> str:
    """999750 as 1 M, 299619 as 300 k."""
    return f"{count / 1e6:.0f} M" if count >= 0.95e6 else f"{count / 1e3:.0f} k"


def _plain(value: float, _place: int) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


SOURCES = {  # of depth: their colours, the same in both pictures; models take what is left
    "builtin": "#222222",
    "gravity+ground+backdrop": "#f58518",
    "floor": "#b0413e",
    "truth": "#54a24b",
    "builtin, fitted": "#8c8c8c",
    "truth, fitted": "#a3d39c",
}
OTHERS = "tab10"


def draw_depth(rows: list[Row], machine: str, folder: Path) -> list[Path]:
    """Write bench_depth.png and, where there are novel views, bench_views.png.

    Args:
        rows: of `depth_bench.rows`.
        machine: a line about it, for the titles.
        folder: where the pictures go; made where it is not.

    Returns:
        Their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    depth = [row for row in rows if row["what"] == "depth" and row["focal"] == "known"]
    views = [row for row in rows if row["what"] == "view"]
    paths = []
    if depth:
        paths.append(_chart(folder / "bench_depth.png", machine, lambda axes: _bars(axes, depth)))
    if views:
        paths.append(_chart(folder / "bench_views.png", machine, lambda axes: _lines(axes, views)))
    return paths


def _chart(path: Path, machine: str, fill: Callable[[Axes], None]) -> Path:
    """Draw a picture of figures, with lines across to read their height."""

    def fill_with_lines(axes: Axes) -> None:
        fill(axes)
        axes.grid(axis="y", color="#d9d9d9")

    return _figure(path, machine, fill_with_lines)


def _bars(axes: Axes, rows: list[Row]) -> None:
    """Draw delta1 of each source for each set, and behind it what the true scale makes of it."""
    sets = sorted({row["set"] for row in rows})
    sources = list(dict.fromkeys(row["source"] for row in rows))
    width = 0.8 / len(sources)
    for i, source in enumerate(sources):
        by_set = {row["set"]: row for row in rows if row["source"] == source}
        places = [j + i * width for j, name in enumerate(sets) if name in by_set]
        chosen = [by_set[name] for name in sets if name in by_set]
        for column, alpha, label in (("delta1_aligned", 0.35, None), ("delta1", 1.0, source)):
            values = [row[column] for row in chosen]
            bars = [(x, y) for x, y in zip(places, values, strict=True) if y != ""]
            if bars:
                axes.bar(
                    [x for x, _ in bars],
                    [y for _, y in bars],
                    width,
                    align="edge",
                    color=_colour(source),
                    alpha=alpha,
                    label=label,
                )
    axes.set(
        ylabel="delta1: depth within a factor of 1.25",
        ylim=(0, 1),
        title="Depth (pale: with the true scale given)",
    )
    axes.set_xticks([j + 0.4 for j in range(len(sets))], sets, rotation=30, ha="right", fontsize=7)


def _lines(axes: Axes, rows: list[Row]) -> None:
    """Draw PSNR against the camera's move, dashed in the unit of the source's own scene."""
    for source in dict.fromkeys(row["source"] for row in rows):
        for unit, style in (("metric", "o-"), ("aligned", "s--")):
            chosen = [
                row
                for row in rows
                if row["source"] == source and row["unit"] == unit and row["move"].endswith("%")
            ]
            places = sorted((float(row["move"].split()[0]), row["psnr"]) for row in chosen)
            if places:
                axes.plot(
                    *zip(*places, strict=True),
                    style,
                    color=_colour(source),
                    label=f"{source}, {unit}",
                )
    axes.set(
        xlabel="move sideways, % of the scene's median depth",
        ylabel="PSNR of what the photo saw, dB",
        title="Novel views",
    )


def _colour(source: str) -> Any:
    return SOURCES.get(source) or plt.get_cmap(OTHERS)(sum(source.encode()) % 10)
