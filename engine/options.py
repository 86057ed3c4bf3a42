"""Options: records whose fields carry a sentence each; command line, wire and reference follow.

@dataclass(frozen=True, kw_only=True)
class Options:
    scene: str = option("the scene's folder", positional=True)
    fps: float = option("frames a second", 24.0)
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass
from typing import Any, TypeVar

from .errors import ArgumentError

Record = TypeVar("Record")

# What a value of each type is called in an error's sentence.
_KINDS = {
    float: "a number",
    int: "a whole number",
    bool: "true or false",
    str: "text",
    dict: "an object in braces",
    list: "a list",
}


@dataclass(frozen=True)
class Hint:
    """The form of an option on the command line."""

    sentence: str  # for a person, without a full stop
    positional: bool = False  # by its place instead of by its name
    short: str = ""  # a second, shorter name: "-o"
    metavar: str = ""  # what stands for the value in the help
    count: int = 1  # how many values follow the name
    group: str = ""  # exactly one option of a group may be given


def option(sentence: str, default: Any = MISSING, **hints: Any) -> Any:
    """Declare a field of an options record.

    Args:
        sentence: for a person, without a full stop; its unit where it has one.
        default: the value where none is given; without one the option must be given.
        hints: the other fields of `Hint`.
    """
    return dataclasses.field(default=default, metadata={"hint": Hint(sentence, **hints)})


@dataclass(frozen=True)
class Option:
    """One option of a record."""

    name: str
    kind: type  # float, int, bool, str, dict or list
    required: bool
    default: Any  # None where there is none
    hint: Hint

    @property
    def kind_name(self) -> str:
        """The kind in words: "a number"."""
        return _KINDS[self.kind]


def options_of(record_type: type) -> list[Option]:
    """List the options of a record, in the order of its fields."""
    return [
        Option(
            name=field.name,
            kind=_kind(field.type),
            required=field.default is MISSING,
            default=None if field.default is MISSING else field.default,
            hint=field.metadata["hint"],
        )
        for field in dataclasses.fields(record_type)
    ]


def record_from(record_type: type[Record], args: Mapping[str, Any], what: str = "This") -> Record:
    """Make a record of plain values, as JSON has them; None stands for the default.

    Args:
        record_type: whose fields `option` declared.
        args: values by the fields' names.
        what: who needs them, in the sentence of an error.

    Raises:
        ArgumentError: an argument is unknown, missing or of another type, or makes no sense.
    """
    known = {one.name: one for one in options_of(record_type)}
    unknown = sorted(set(args) - set(known))
    if unknown:
        raise ArgumentError(f"Unknown argument: {', '.join(unknown)}.")
    given = {name: value for name, value in args.items() if value is not None}
    missing = [name for name, one in known.items() if one.required and name not in given]
    if missing:
        raise ArgumentError(f"{what} needs the argument {missing[0]!r}.")
    return record_type(**{name: _checked(known[name], value) for name, value in given.items()})


def _kind(annotation: Any) -> type:
    """The type of a field's values: `float | None` takes floats, `list[str]` lists."""
    if isinstance(annotation, types.UnionType):
        [annotation] = [part for part in typing.get_args(annotation) if part is not types.NoneType]
    kind = typing.get_origin(annotation) or annotation
    if kind not in _KINDS:
        raise TypeError(f"an option cannot be {annotation}")
    return kind


def _checked(one: Option, value: Any) -> Any:
    """The value as the option's type.

    Raises:
        ArgumentError: it is of another type.
    """
    is_bool = isinstance(value, bool)
    fits = isinstance(value, one.kind) and (one.kind is bool or not is_bool)
    if one.kind is float and isinstance(value, int) and not is_bool:
        return value
    if one.kind is list and isinstance(value, tuple):
        return list(value)
    if not fits:
        raise ArgumentError(f"“{one.name}” must be {one.kind_name}, not {value!r}.")
    return value
