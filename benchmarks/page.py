"""docs/benchmarks.json, the full tables, and docs/benchmarks.md, the ten figures that matter.

The JSON has an object for each part, by its name: `title`, `machine`, `columns` (how to read them)
and `rows`. The page is made of it alone, so that a part can be measured again without the others.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Part = dict[str, Any]
Parts = dict[str, Part]

TITLES = {
    "render": "Rendering",
    "levels": "Levels of detail",
    "reconstruct": "Photo to scene",
    "depth": "Depth and novel views",
}

COLUMNS = {
    "render": (
        "`ratio` is the peer's wall time divided by ours. `cpu_ms` is of all threads together,"
        " `wall_ms` is the time that passed; each is the least of `repeats` runs after one that is"
        " not counted (for the memory of the first frame, it is that one). The stages, `project_ms`"
        " to `rest_ms` and `in_all_ms`, are CPU time of a frame on one thread; one kernel sorts,"
        " blends and writes a tile. `memory_mb` is the peak beyond what the process held with the"
        " scene (`scene_mb`) in memory. The PyTorch rasteriser (benchmarks/torch_peer.py) draws the"
        " same picture and uses all cores."
    ),
    "levels": (
        "`memory_of_scene` is the memory of the levels divided by that of the splats. `psnr_db`"
        " compares the frame drawn while the camera moves with the full one."
    ),
    "reconstruct": (
        "The columns in s are seconds of a stage, median of the runs; the memory of the imports is"
        " part of the peak."
    ),
    "depth": (
        "Scenes with exact truth are made by benchmarks/cycles in Blender's Cycles, ten of seven"
        " kinds; photos with measured depth come from the folder `--photos`. Estimators are"
        " compared with a plane at the usual distance (`floor`: 6 m outdoors, 3 m indoors, which it"
        " is told) and, for the views, with the true depth (`truth`). `aligned`: the true median"
        " scale is given. `focal` unknown: without EXIF. `surer_half`: the error of the more"
        " confident half divided by that of the whole. `silhouette_f1`: steps of 0.2 in log depth,"
        " at most 3 pixels off, without those at the sky. Sets are means, but for `abs_rel_median`"
        " and `gravity_deg`, which are medians. Views: `psnr`, `ssim` and `ms_gmsd` (0 is the same)"
        " are of what the photo saw; `_filled` are of the whole frame, where what the renderer left"
        " open is grown over from its border. Moves are parts of the scene's true median depth,"
        " `aligned` in the unit of the estimate. `fitted`: by 40 iterations of `reconstruct --fit`."
        " `holes`: alpha below 0.5; `inside`: of what lies within the photo's frame; `void`: what"
        " the photo never saw."
    ),
}

# The plots of each part, and the contact sheets of `python -m benchmarks.sheets`.
PICTURES = {
    "render": ("bench_splats.png", "bench_pixels.png"),
    "depth": ("bench_depth.png", "bench_views.png", "depth_scenes.png", "depth_photos.png"),
}

_PREFACE = (
    "Written by `python build.py bench`, which measures these figures and many more: "
    "[benchmarks.json]({json}) has all tables and tells how to read their columns."
)
_HEADS = ("what", "figure", "peer or ratio", "how it is measured")


def read(path: Path) -> Parts:
    """Return the parts of a JSON that was written before; none if there is no such file."""
    if not path.exists():
        return {}
    parts: Parts = json.loads(path.read_text(encoding="utf-8"))
    return parts


def part(name: str, rows: list[Row], machine: str) -> Part:
    """Return one part of the JSON: a table, how to read it, and the machine it was measured on."""
    return {"title": TITLES[name], "machine": machine, "columns": COLUMNS[name], "rows": rows}


def write(parts: Parts, json_path: Path, page_path: Path, images: Path) -> None:
    """Write the JSON and the page made of it.

    Args:
        parts: All of them, by name.
        json_path: The file for the full tables.
        page_path: The file for the page, in the same folder or above that of the pictures.
        images: The folder with the pictures; the page shows those that are there.
    """
    ordered = {name: parts[name] for name in TITLES if name in parts}
    json_path.write_text(_json_text(ordered), encoding="utf-8")
    sections = [
        "# Benchmarks",
        _PREFACE.format(json=json_path.name),
        "\n".join(_table(ordered)),
    ]
    for name, content in ordered.items():
        sections += [f"## {content['title']}", f"Measured on: {content['machine']}"]
        paths = [images / file for file in PICTURES.get(name, ())]
        for path in filter(Path.is_file, paths):
            address = path.relative_to(page_path.parent).as_posix()
            sections.append(f"![{path.stem}]({address})")
    page_path.write_text("\n\n".join(sections) + "\n", encoding="utf-8")


def _json_text(parts: Parts) -> str:
    """Return JSON with one row of a table a line, so that a change shows as a change of lines."""
    objects = []
    for name, content in parts.items():
        fields = {key: json.dumps(value) for key, value in content.items() if key != "rows"}
        rows = ",\n".join(f"   {json.dumps(row, ensure_ascii=False)}" for row in content["rows"])
        fields["rows"] = f"[\n{rows}\n  ]"
        inside = ",\n".join(f'  "{key}": {text}' for key, text in fields.items())
        objects.append(f' "{name}": {{\n{inside}\n }}')
    return "{\n" + ",\n".join(objects) + "\n}\n"


def _table(parts: Parts) -> Iterator[str]:
    yield "| " + " | ".join(_HEADS) + " |"
    yield "|" + "---|" * len(_HEADS)
    tables = {name: content["rows"] for name, content in parts.items()}
    for headline in _HEADLINES:
        cells = headline(tables)
        # a part may be missing, or measured with less than the whole benchmark
        if cells is not None:
            yield "| " + " | ".join(cells) + " |"


Tables = dict[str, list[Row]]
Cells = tuple[str, str, str, str]  # what, figure, peer or ratio, how it is measured

_SPLATS = 1_000_000  # about as many as a large photo gives
_MANY_SPLATS = 3_000_000  # where levels of detail begin to pay
_WIDTH = 1280  # pixels of the frames that are told


def _find(tables: Tables, part_name: str, splats: int = 0, **wanted: object) -> Row | None:
    """Return a part's row that has these values, with the number of splats nearest to `splats`."""
    rows = [
        row
        for row in tables.get(part_name, [])
        if all(row.get(column) == value for column, value in wanted.items())
    ]
    if not splats:
        return rows[0] if rows else None
    return min(rows, key=lambda row: abs(row["splats"] - splats), default=None)


def _frame(tables: Tables) -> Cells | None:
    row = _find(
        tables,
        "render",
        _SPLATS,
        what="forward",
        passes="all",
        width=_WIDTH,
        camera="photo's",
    )
    if row is None:
        return None
    return (
        "a frame with all passes",
        f"{row['wall_ms']} ms, {row['fps']} a second",
        "",
        f"{_scene(row)}, {row['threads']} threads",
    )


def _colour_frame(tables: Tables) -> Cells | None:
    row = _find(
        tables,
        "render",
        _SPLATS,
        what="forward",
        passes="colour, depth, alpha",
        width=_WIDTH,
        camera="photo's",
    )
    if row is None:
        return None
    return (
        "a frame with colour, depth and alpha",
        f"{row['wall_ms']} ms",
        f"{row['ratio']} times as fast as the PyTorch rasteriser ({row['peer_wall_ms']} ms)",
        f"{_scene(row)}, {row['threads']} threads",
    )


def _moving_frame(tables: Tables) -> Cells | None:
    wanted = {"width": _WIDTH, "camera": "moved"}
    full = _find(tables, "levels", _MANY_SPLATS, mode="full", **wanted)
    moving = _find(tables, "levels", _MANY_SPLATS, mode="moving", **wanted)
    if full is None or moving is None:
        return None
    return (
        "a frame while the camera moves",
        f"{moving['wall_ms']} ms, {moving['psnr_db']} dB",
        f"{full['wall_ms'] / moving['wall_ms']:.1f} times as fast as the full frame"
        f" ({full['wall_ms']} ms)",
        f"{_scene(moving)}, all passes, PSNR against the full frame",
    )


def _memory(tables: Tables) -> Cells | None:
    row = _find(tables, "render", what="memory of the first frame", peer="PyTorch rasteriser")
    if row is None:
        return None
    return (
        "memory of the first frame",
        f"{row['memory_mb']} MB",
        f"the PyTorch rasteriser takes {row['memory_ratio']} times as much",
        f"{_scene(row)}, peak beyond the scene's {row['scene_mb']} MB",
    )


def _fit(tables: Tables) -> Cells | None:
    row = _find(tables, "render", what="one iteration of a fit")
    if row is None:
        return None
    return (
        "one iteration of a fit",
        f"{row['wall_ms']} ms",
        f"{row['ratio']} times as fast as {row['peer']} ({row['peer_wall_ms']} ms)",
        _scene(row),
    )


def _photo_to_scene(tables: Tables) -> Cells | None:
    rows = tables.get("reconstruct", [])
    row = rows[-1] if rows else None  # the last is the largest photo
    if row is None or "median s" not in row:
        return None
    return (
        f"a photo of {row['photo']} to a scene",
        f"{row['median s']} s, {row['peak MiB']} MiB",
        "",
        f"{row['splats']:,} splats, with regions and levels, saved; median, peak of the process",
    )


def _scenes_depth(tables: Tables) -> Cells | None:
    return _depth(tables, "cycles all", "delta1", "depth within a factor of 1.25")


def _photos_depth(tables: Tables) -> Cells | None:
    return _depth(tables, "photos all", "abs_rel_aligned", "relative error of depth, aligned")


def _depth(tables: Tables, pictures: str, column: str, what: str) -> Cells | None:
    wanted = {"what": "depth", "set": pictures, "focal": "known"}
    ours = _find(tables, "depth", source="builtin", **wanted)
    floor = _find(tables, "depth", source="floor", **wanted)
    if ours is None or floor is None:
        return None
    return (
        f"{what}: {pictures}",
        f"{ours[column]}",
        f"a plane at the usual distance: {floor[column]}",
        f"`{column}`, mean of {ours['pictures']} pictures, focal length known",
    )


def _novel_views(tables: Tables) -> Cells | None:
    wanted = {"what": "view", "move": "5 %"}
    ours = _find(tables, "depth", source="builtin", unit="aligned", **wanted)
    floor = _find(tables, "depth", source="floor", unit="aligned", **wanted)
    truth = _find(tables, "depth", source="truth", unit="metric", **wanted)
    if ours is None or floor is None or truth is None:
        return None
    return (
        "a new view, 5 % of the depth to the side",
        f"{ours['psnr']} dB",
        f"a plane: {floor['psnr']} dB; the true depth: {truth['psnr']} dB",
        f"PSNR of what the photo saw, mean of {ours['pictures']} views in Cycles scenes",
    )


def _own_view(tables: Tables) -> Cells | None:
    wanted = {"what": "view", "move": "photo's own", "source": "builtin"}
    row = _find(tables, "depth", set="photos all", **wanted)
    if row is None:
        return None
    return (
        "the photo's own view",
        f"{row['psnr']} dB",
        "",
        f"PSNR against the photo, mean of {row['pictures']} photos",
    )


def _scene(row: Row) -> str:
    return f"{row['splats']:,} splats, {row['width']}x{row['height']}"


_HEADLINES: tuple[Callable[[Tables], Cells | None], ...] = (
    _frame,
    _colour_frame,
    _moving_frame,
    _memory,
    _fit,
    _photo_to_scene,
    _scenes_depth,
    _photos_depth,
    _novel_views,
    _own_view,
)
