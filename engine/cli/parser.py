"""The command line's parser: each job is a command, with its options and blobs."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from ..jobs import FILES, Job, find
from ..options import Option, options_of
from ..version import version

USAGE_ERROR = 2
SERVE = "serve"
_TITLE = "One photo to a metric 3D scene of Gaussian splats, and its renders."


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one sentence."""

    def error(self, message: str) -> NoReturn:
        """Print the sentence and end the program."""
        text = f"anchorstage: {message}; see `{self.prog} --help`.\n"
        if sys.stderr is not None:
            sys.stderr.write(text)
        raise SystemExit(USAGE_ERROR)


def parser_for(arguments: Sequence[str]) -> Parser:
    """Make the parser for these arguments.

    Only the job that they name is loaded; all are where none is named, for the list of commands.
    """
    parser = Parser(prog="anchorstage", description=_TITLE)
    parser.add_argument("--version", action="version", version=f"anchorstage {version()}")
    commands = parser.add_subparsers(dest="command", required=True, parser_class=Parser)
    for name in _jobs_for(arguments):
        job = find(name)
        _add_job(commands.add_parser(name, help=job.sentence, description=job.sentence), job)
    commands.add_parser(SERVE, help="Serve Blender on standard input and output.")
    return parser


def _jobs_for(arguments: Sequence[str]) -> Sequence[str]:
    """Choose the jobs that the parser must know for these arguments."""
    first = arguments[0] if arguments else ""
    if first in FILES:
        return [first]
    # Neither asks for any job.
    if first in ("--version", SERVE):
        return []
    return list(FILES)


def _add_job(parser: argparse.ArgumentParser, job: Job) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object on standard output"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    for name, sentence in job.lends.items():
        parser.add_argument(name, help=sentence)
    for name, sentence in job.wants.items():
        parser.add_argument(f"--{name}", required=True, metavar="FILE", help=sentence)
    groups: dict[str, Any] = {}
    # What must be given comes first in the help.
    for one in sorted(options_of(job.options), key=lambda one: not one.required):
        target: Any = parser
        if one.hint.group:
            if one.hint.group not in groups:
                groups[one.hint.group] = parser.add_mutually_exclusive_group(required=True)
            target = groups[one.hint.group]
        _add_option(target, one)


def _add_option(parser: Any, one: Option) -> None:
    """Add an option; where it is not given, its value is None, and the record's default holds."""
    hint = one.hint
    if hint.positional:
        parser.add_argument(one.name, help=hint.sentence)
        return
    names = [*([hint.short] if hint.short else []), f"--{one.name.replace('_', '-')}"]
    if one.kind is bool:
        parser.add_argument(
            *names, action="store_const", const=True, dest=one.name, help=hint.sentence
        )
        return
    how: dict[str, Any] = {"dest": one.name, "help": _help(one), "required": one.required}
    if hint.metavar:
        how["metavar"] = hint.metavar
    if one.kind is list:
        how["nargs"] = hint.count if hint.count > 1 else "*"
    elif one.kind is dict:
        how["type"] = _object
    else:
        how["type"] = one.kind
    parser.add_argument(*names, **how)


def _help(one: Option) -> str:
    """The option's sentence, and its default where the sentence does not tell it already."""
    tells = "(" in one.hint.sentence or one.default in (None, "", 0)
    default = "" if tells else f" ({one.default:g})" if one.kind is float else f" ({one.default})"
    return (one.hint.sentence + default).replace("%", "%%")


def _object(text: str) -> dict[str, Any]:
    """Read an option that is an object in JSON.

    Raises:
        ValueError: it is none.
    """
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError(text)
    return value


_object.__name__ = "JSON object"  # as argparse calls it where it is none
