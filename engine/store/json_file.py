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

# Characters.
LONGEST_TEXT = 2000
# Characters of a text that becomes the name of a file, a channel or a Blender object.
LONGEST_NAME = 100
# Unicode's categories: controls, lone surrogates, line and paragraph ends.
_UNSHOWABLE = {"Cc", "Cs", "Zl", "Zp"}
# Letters that no file name may hold on some system.
_NOT_IN_NAMES = '/\\:*?"<>|'
# Characters of a wrong value that the sentence quotes.
_SHOWN = 40

Record = dict[str, Any]


class FieldError(ValueError):
    """A field of a record is missing or makes no sense."""

    def __init__(self, record: Record, name: str, must: str) -> None:
        """Quote the value and say what it must be."""
        fault = f"is {_quoted(record[name])}" if name in record else "is missing"
        super().__init__(f"“{name}” {fault}; it must be {must}")


def _quoted(value: Any) -> str:
    """Quote a value on one line, not too long."""
    words = one_line(json.dumps(value, ensure_ascii=False))
    return words if len(words) <= _SHOWN else words[:_SHOWN] + "…"


def write_json(path: Path, record: Any) -> None:
    """Write a JSON file atomically, in UTF-8."""
    with atomic_path(path) as temporary:
        content = json.dumps(record, indent=2, ensure_ascii=False) + "\n"
        temporary.write_text(content, encoding="utf-8")


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
    """Read a text that can be shown on one line and written as UTF-8."""
    value = record.get(name, default)
    if not isinstance(value, str) or len(value) > longest or value != one_line(value):
        raise FieldError(record, name, f"one line of text, at most {longest} characters")
    return value


def one_line(value: str) -> str:
    """Replace controls, line ends and lone surrogates by `_`."""
    shown = [_shown(character) for character in value]
    return "".join(shown)


def _shown(character: str) -> str:
    return "_" if unicodedata.category(character) in _UNSHOWABLE else character


def name_text(record: Record, name: str) -> str:
    """Read a text that can be the name of a file."""
    value = text(record, name, longest=LONGEST_NAME)
    is_named = value.strip() and value not in (".", "..")
    if not is_named or any(letter in value for letter in _NOT_IN_NAMES):
        raise FieldError(
            record,
            name,
            f"a name of at most {LONGEST_NAME} characters without slashes and the like",
        )
    return value


def number(
    record: Record, name: str, low: float, high: float, default: float | None = None
) -> float:
    """Read a number from low to high."""
    return _number(record, name, record.get(name, default), low, high)


def _number(record: Record, name: str, value: Any, low: float, high: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and low <= value <= high and math.isfinite(value)):
        raise FieldError(record, name, f"from {low:g} to {high:g}")
    return float(value)


def whole(record: Record, name: str, low: int, high: int) -> int:
    """Read a whole number from low to high."""
    value = record.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise FieldError(record, name, f"a whole number from {low} to {high}")
    return value


def numbers(record: Record, name: str, count: int, limit: float) -> np.ndarray:
    """Read a list of numbers, each from -limit to limit: (count,) float64."""
    values = record.get(name)
    if not isinstance(values, list) or len(values) != count:
        raise FieldError(record, name, f"a list of {count} numbers")
    checked = [_number(record, name, value, -limit, limit) for value in values]
    return np.array(checked)


def flag(record: Record, name: str, default: bool) -> bool:
    """Read true or false."""
    value = record.get(name, default)
    if not isinstance(value, bool):
        raise FieldError(record, name, "true or false")
    return value


def texts(record: Record, name: str) -> tuple[str, ...]:
    """Read a list of texts; none where the field is missing."""
    values = record.get(name, [])
    if not isinstance(values, list):
        raise FieldError(record, name, "a list of texts")
    return tuple(text({name: value}, name) for value in values)


def child(record: Record, name: str) -> Record:
    """Read a record in the record; an empty one where the field is missing or null."""
    value = record.get(name)
    if value is not None and not isinstance(value, dict):
        raise FieldError(record, name, "an object in braces")
    return value or {}


def children(record: Record, name: str) -> list[Record]:
    """Read a list of records; an empty one where the field is missing."""
    values = record.get(name, [])
    is_list = isinstance(values, list)
    if not is_list or not all(isinstance(value, dict) for value in values):
        raise FieldError(record, name, "a list of objects in braces")
    return values


def inside(folder: Path, record: Record, name: str, default: str | None = None) -> Path:
    """Read a path in the folder: relative, and never out of it."""
    value = text(record, name, default)
    # A scene may come from any system: no system's way out is allowed.
    posix = PurePosixPath(value)
    windows = PureWindowsPath(value)
    parts = (*posix.parts, *windows.parts)
    leads_out = ".." in parts or posix.is_absolute() or bool(windows.anchor)
    if leads_out or not parts or max(len(part) for part in parts) > LONGEST_NAME:
        raise FieldError(record, name, "a file inside the scene's folder")
    return folder / value
