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
    return [_option_of(field) for field in dataclasses.fields(record_type)]


def _option_of(field: dataclasses.Field) -> Option:
    is_required = field.default is MISSING
    return Option(
        name=field.name,
        kind=_kind(field.type),
        required=is_required,
        default=None if is_required else field.default,
        hint=field.metadata["hint"],
    )


def record_from(record_type: type[Record], args: Mapping[str, Any], what: str = "This") -> Record:
    """Make a record of plain values, as JSON has them; None stands for the default.

    Args:
        record_type: whose fields `option` declared.
        args: values by the fields' names.
        what: who needs them, in the sentence of an error.

    Raises:
        ArgumentError: an argument is unknown, missing or of another type, or makes no sense.
    """
    options = options_of(record_type)
    unknown = sorted(set(args) - {one.name for one in options})
    if unknown:
        raise ArgumentError(f"Unknown argument: {', '.join(unknown)}.")
    values = {}
    for one in options:
        value = args.get(one.name)
        if value is not None:
            values[one.name] = _checked(one, value)
        elif one.required:
            raise ArgumentError(f"{what} needs the argument {one.name!r}.")
    return record_type(**values)


def _kind(annotation: Any) -> type:
    """The type of a field's values: `float | None` takes floats, `list[str]` lists."""
    if isinstance(annotation, types.UnionType):
        parts = typing.get_args(annotation)
        [annotation] = [part for part in parts if part is not types.NoneType]
    kind = typing.get_origin(annotation) or annotation
    if kind not in _KINDS:
        raise TypeError(f"an option cannot be {annotation}")
    return kind


def _checked(one: Option, value: Any) -> Any:
    """The value as the option's type.

    Raises:
        ArgumentError: it is of another type.
    """
    # To Python true and false are whole numbers; to us they are not.
    if isinstance(value, bool):
        fits = one.kind is bool
    # JSON writes a number without a fraction as a whole one.
    elif one.kind is float:
        fits = isinstance(value, int | float)
    else:
        fits = isinstance(value, one.kind)
    if not fits:
        raise ArgumentError(f"“{one.name}” must be {one.kind_name}, not {value!r}.")
    return value
