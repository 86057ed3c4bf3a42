"""What depth and novel views are to reach, and by how much they do or do not: `rows(table)` of `depth_bench`'s own rows."""

from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.depth_sources import BUILTIN, FALLBACK, FLOOR, TRUTH
from benchmarks.measured import CYCLES, PHOTOS

Row = dict[str, Any]
Find = Callable[..., float]


class _Target(NamedTuple):
    """One demand."""

    name: str
    least: bool  # the goal is the least that is enough, or the most that is allowed
    goal: float
    value: Callable[[Find], float]


class _MissingError(Exception):
    """A row or a number that a target asks for is not in the table."""


def _depth(
    find: Find, set_: str, column: str, source: str = BUILTIN, focal: str = "known"
) -> float:
    return find(column, what="depth", set=set_, source=source, focal=focal)


def _view(find: Find, move: str, column: str, source: str = BUILTIN) -> float:
    return find(column, what="view", set=CYCLES, source=source, move=move, unit="metric")


def _gain(find: Find, column: str) -> float:
    return _depth(find, CYCLES, column) - _depth(find, CYCLES, column, FALLBACK)


def _below(find: Find, source: str) -> float:
    return _view(find, "5 %", "psnr", source) - _view(find, "5 %", "psnr")


def _without_exif(find: Find) -> float:
    return 1 - _depth(find, PHOTOS, "abs_rel") / _depth(find, PHOTOS, "abs_rel", focal="unknown")


def _of_set(name: str, least: bool, goal: float, set_: str, column: str) -> _Target:
    return _Target(f"{set_}: {name}", least, goal, lambda find: _depth(find, set_, column))


TARGETS = (
    _of_set("delta1", True, 0.78, CYCLES, "delta1"),
    _of_set("delta1, aligned", True, 0.85, CYCLES, "delta1_aligned"),
    _Target(f"{CYCLES}: delta1 beyond {FALLBACK}", True, 0.10, lambda find: _gain(find, "delta1")),
    _Target(
        f"{CYCLES}: delta1, aligned, beyond {FALLBACK}",
        True,
        0.10,
        lambda find: _gain(find, "delta1_aligned"),
    ),
    _of_set("gravity, degrees, median", False, 0.5, CYCLES, "gravity_deg"),
    _of_set("silhouette F1", True, 0.40, CYCLES, "silhouette_f1"),
    _of_set("error of the surer half in the whole", False, 0.6, CYCLES, "surer_half"),
    _of_set("AbsRel", False, 0.20, "photos streets", "abs_rel"),
    _of_set("delta1", True, 0.74, "photos streets", "delta1"),
    _of_set("AbsRel, aligned", False, 0.13, "photos architecture", "abs_rel_aligned"),
    _of_set("delta1, aligned", True, 0.80, "photos architecture", "delta1_aligned"),
    _of_set("AbsRel, aligned", False, 0.21, "photos indoor", "abs_rel_aligned"),
    _of_set("delta1, aligned", True, 0.70, "photos indoor", "delta1_aligned"),
    _of_set("AbsRel, median", False, 0.35, "photos indoor", "abs_rel_median"),
    _of_set("error of the surer half in the whole", False, 0.6, PHOTOS, "surer_half"),
    _Target(
        f"{PHOTOS}: part of AbsRel that the focal length takes away", True, 0.20, _without_exif
    ),
    _Target("views at 5 %: dB above the floor", True, 4.0, lambda find: -_below(find, FLOOR)),
    _Target("views at 5 %: dB below the truth", False, 4.0, lambda find: _below(find, TRUTH)),
    _Target(
        "views at 5 %: holes, % of the frame",
        False,
        0.5,
        lambda find: _view(find, "5 %", "holes_percent"),
    ),
    _Target(
        "views at 10 %: holes, % of the frame",
        False,
        2.0,
        lambda find: _view(find, "10 %", "holes_percent"),
    ),
    _Target(
        "photo's own view, photos, dB",
        True,
        34.0,
        lambda find: find("psnr", what="view", set=PHOTOS, source=BUILTIN, move="photo's own"),
    ),
)


def rows(table: list[Row]) -> list[Row]:
    """A row for each target that the table's numbers can judge; `margin` is positive where it is met."""
    judged: list[Row] = []
    for target in TARGETS:
        try:
            value = target.value(_finder(table))
        except _MissingError:
            continue
        margin = value - target.goal if target.least else target.goal - value
        goal = f"{'>=' if target.least else '<='} {target.goal:g}"
        numbers = {
            "goal": goal,
            "value": round(value, 3),
            "margin": round(margin, 3),
            "met": bool(margin >= 0),
        }
        judged.append({"what": "target", "name": target.name, **numbers})
    return judged


def _finder(table: list[Row]) -> Find:
    """Looks up a number by its column and the row's other columns."""

    def find(column: str, **head: str) -> float:
        for row in table:
            if (
                all(row.get(name) == value for name, value in head.items())
                and row.get(column, "") != ""
            ):
                return float(row[column])
        raise _MissingError

    return find
