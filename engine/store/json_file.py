"""JSON files and the checked values of their records.

Each reader gives a field's value or raises `FieldError`, which says in words what is wrong with
which field: a file that was damaged, edited by hand or made to do harm is refused before anything
is done with it.
"""

import json
import math
import unicodedata
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import numpy as np

from ..errors import SceneError
from .atomic import atomic_path

LONGEST_TEXT = 2000  # characters
LONGEST_NAME = 100  # characters of what becomes the name of a file, a channel or a Blender object
_UNSHOWABLE = {
    "Cc",
    "Cs",
    "Zl",
    "Zp",
}  # Unicode's categories: controls, lone surrogates, line and paragraph ends
_SHOWN = 40  # characters of a wrong value that the sentence quotes

Record = dict[str, Any]


class FieldError(ValueError):
    """A field of a record is missing or makes no sense."""

    def __init__(self, record: Record, name: str, must: str) -> None:
        """Quote the value and say what it must be."""
        value = one_line(json.dumps(record[name], ensure_ascii=False)) if name in record else ""
        found = (
            f"is {value[:_SHOWN]}{'…' if len(value) > _SHOWN else ''}" if value else "is missing"
        )
        super().__init__(f"“{name}” {found}; it must be {must}")


def write_json(path: Path, record: Any) -> None:
    """Write a JSON file atomically, in UTF-8."""
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
        )


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        SceneError: it is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SceneError(
            f"“{path}” is missing. Choose the scene's folder again, or restore it from a backup."
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise SceneError(
            f"“{path}” is damaged and cannot be read. "
            "Restore it from a backup, or reconstruct again."
        ) from error


def text(record: Record, name: str, default: str | None = None, longest: int = LONGEST_TEXT) -> str:
    """Text that can be shown on one line and written as UTF-8."""
    value = record.get(name, default)
    if not isinstance(value, str) or len(value) > longest or value != one_line(value):
        raise FieldError(record, name, f"one line of text, at most {longest} characters")
    return value


def one_line(value: str) -> str:
    """The text with `_` for control characters, line ends and what no Unicode text may hold."""
    return "".join("_" if unicodedata.category(c) in _UNSHOWABLE else c for c in value)


def name_text(record: Record, name: str) -> str:
    """Text that can be the name of a file."""
    value = text(record, name, longest=LONGEST_NAME)
    if not value.strip() or value in (".", "..") or any(c in value for c in '/\\:*?"<>|'):
        raise FieldError(
            record,
            name,
            f"a name of at most {LONGEST_NAME} characters without slashes and the like",
        )
    return value


def number(
    record: Record, name: str, low: float, high: float, default: float | None = None
) -> float:
    """A number from low to high."""
    return _number(record, name, record.get(name, default), low, high)


def _number(record: Record, name: str, value: Any, low: float, high: float) -> float:
    is_number = (
        isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
    )
    if not is_number or not math.isfinite(value):
        raise FieldError(record, name, f"from {low:g} to {high:g}")
    return float(value)


def whole(record: Record, name: str, low: int, high: int) -> int:
    """A whole number from low to high."""
    value = record.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise FieldError(record, name, f"a whole number from {low} to {high}")
    return value


def numbers(record: Record, name: str, count: int, limit: float) -> np.ndarray:
    """(count,) float64, each from -limit to limit."""
    values = record.get(name)
    if not isinstance(values, list) or len(values) != count:
        raise FieldError(record, name, f"a list of {count} numbers")
    return np.array([_number(record, name, value, -limit, limit) for value in values])


def flag(record: Record, name: str, default: bool) -> bool:
    """True or false."""
    value = record.get(name, default)
    if not isinstance(value, bool):
        raise FieldError(record, name, "true or false")
    return value


def texts(record: Record, name: str) -> tuple[str, ...]:
    """A list of texts; none where the field is missing."""
    values = record.get(name, [])
    if not isinstance(values, list):
        raise FieldError(record, name, "a list of texts")
    return tuple(text({name: value}, name) for value in values)


def child(record: Record, name: str) -> Record:
    """A record inside the record; an empty one where the field is missing or null."""
    value = record.get(name)
    if value is not None and not isinstance(value, dict):
        raise FieldError(record, name, "an object in braces")
    return value or {}


def children(record: Record, name: str) -> list[Record]:
    """A list of records; an empty one where the field is missing."""
    values = record.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise FieldError(record, name, "a list of objects in braces")
    return values


def inside(folder: Path, record: Record, name: str, default: str | None = None) -> Path:
    """A path in the folder: relative, and never out of it."""
    value = text(record, name, default)
    parts = (*PurePosixPath(value).parts, *PureWindowsPath(value).parts)
    outside = (
        ".." in parts or PurePosixPath(value).is_absolute() or bool(PureWindowsPath(value).anchor)
    )
    if outside or not parts or max(len(part) for part in parts) > LONGEST_NAME:
        raise FieldError(record, name, "a file inside the scene's folder")
    return folder / value
