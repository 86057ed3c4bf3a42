"""A table of how easily the code is read, a room a line, measured on the syntax of its files.

The table is a mirror, not a gate. Its columns:

* nodes a line: syntax nodes in the bodies of functions for each line of code there. One idea a line
  makes 7 to 8.
* comments: lines that are a comment and nothing else, for each line of code, in percent.
* over 100: lines longer than 100 characters.
* longest: lines of the longest function.
* openings: docstrings that open with a question word or with a shape, instead of a verb or a noun.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .steps import ROOT

WIDTH = 100  # characters of a line
# Each of these folders is a house whose folders and files are the rooms.
HOUSES = ("engine", "anchorstage_addon")
# Each of these is a room of its own.
ROOMS = ("training", "tools", "build.py", "demo", "benchmarks", "tests")

_QUESTION = re.compile(r"(What|Which|How|Whether|Where|When|Who|Whose|Why)\b")
_SHAPE = re.compile(r"\(?[A-Z0-9][A-Z0-9]*, |\([A-Z]\)|\([A-Z0-9 ]+,\)")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | Function


@dataclass(frozen=True)
class Figures:
    """The measures of one file, or the sums of many."""

    nodes: int = 0  # in the bodies of functions, docstrings left out
    body_lines: int = 0  # of code there
    code_lines: int = 0  # of the whole file, comments and blank lines left out
    comments: int = 0  # whole lines
    long_lines: int = 0
    longest: int = 0  # lines of a function
    openings: tuple[str, ...] = ()  # "file:line: first line" of docstrings that open badly

    def __add__(self, other: "Figures") -> "Figures":
        """Return the figures of two files taken together."""
        return Figures(
            nodes=self.nodes + other.nodes,
            body_lines=self.body_lines + other.body_lines,
            code_lines=self.code_lines + other.code_lines,
            comments=self.comments + other.comments,
            long_lines=self.long_lines + other.long_lines,
            longest=max(self.longest, other.longest),
            openings=self.openings + other.openings,
        )

    @property
    def nodes_a_line(self) -> float:
        """Syntax nodes a body line."""
        return self.nodes / max(self.body_lines, 1)

    @property
    def comment_share(self) -> float:
        """Whole-line comments for each line of code, in percent."""
        return 100 * self.comments / max(self.code_lines, 1)


def table() -> str:
    """Measure every room of the repository; return the lines of a table."""
    heads = ("nodes a line", "comments", "over 100", "longest", "openings")
    lines = ["".join([f"{'room':34}", *(f"{head:>13}" for head in heads)])]
    for name, files in rooms().items():
        lines.append(f"{name:34}{_row(figures_of_all(files))}")
    return "\n".join(lines) + "\n"


def _row(figures: Figures) -> str:
    return (
        f"{figures.nodes_a_line:13.1f}"
        f"{figures.comment_share:12.1f}%"
        f"{figures.long_lines:13}"
        f"{figures.longest:13}"
        f"{len(figures.openings):13}"
    )


def rooms() -> dict[str, list[Path]]:
    """Return the files of each room, by the room's path in the repository."""
    entries = [entry for house in HOUSES for entry in sorted((ROOT / house).iterdir())]
    entries += [ROOT / name for name in ROOMS]
    files = {entry.relative_to(ROOT).as_posix(): _files(entry) for entry in entries}
    return {name: paths for name, paths in files.items() if paths}


def _files(path: Path) -> list[Path]:
    """Return the Python files in a folder and its folders, or the file itself if it is one."""
    if path.is_dir():
        return sorted(path.rglob("*.py"))
    return [path] if path.suffix == ".py" else []


def figures_of_all(paths: Iterable[Path]) -> Figures:
    """Measure files and take them together."""
    return sum((figures_of(path) for path in paths), Figures())


def figures_of(path: Path) -> Figures:
    """Measure one file of the repository."""
    source = path.read_text(encoding="utf-8")
    return measure(source, path.relative_to(ROOT).as_posix())


def measure(source: str, name: str = "") -> Figures:
    """Measure the text of one file; `name` is the file's in the list of bad openings."""
    lines = source.splitlines()
    tree = ast.parse(source)

    # the functions inside a function are part of its body
    bodies = [_body(function) for function in _outermost_functions(tree)]
    body_nodes = 0
    body_lines = 0
    for body in filter(None, bodies):
        body_nodes += _node_count(body)
        body_lines += _code_lines(lines, body[0].lineno, _last_line(body))

    lengths = [_length(function) for function in _functions(tree)]
    return Figures(
        nodes=body_nodes,
        body_lines=body_lines,
        code_lines=_code_lines(lines, 1, len(lines)),
        comments=sum(line.lstrip().startswith("#") for line in lines),
        long_lines=sum(len(line) > WIDTH for line in lines),
        longest=max(lengths, default=0),
        openings=tuple(_bad_openings(tree, name)),
    )


def _functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def _outermost_functions(node: ast.AST) -> Iterator[Function]:
    """Yield functions and methods, but not those inside another function."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child
        else:
            yield from _outermost_functions(child)


def _body(function: Function) -> list[ast.stmt]:
    """Return the statements of a function without its docstring."""
    has_docstring = ast.get_docstring(function) is not None
    return function.body[1:] if has_docstring else function.body


def _node_count(statements: Iterable[ast.stmt]) -> int:
    return sum(1 for statement in statements for _ in ast.walk(statement))


def _last_line(statements: list[ast.stmt]) -> int:
    return statements[-1].end_lineno or statements[-1].lineno


def _code_lines(lines: list[str], first: int, last: int) -> int:
    """Count the lines from `first` to `last`, the first being 1, that hold code."""
    stripped = (line.strip() for line in lines[first - 1 : last])
    return sum(bool(line) and not line.startswith("#") for line in stripped)


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _bad_openings(tree: ast.Module, name: str) -> Iterator[str]:
    """Yield "file:line: first line" of each docstring that opens with a question or a shape."""
    for node in ast.walk(tree):
        if not isinstance(node, Documented):
            continue
        text = ast.get_docstring(node) or ""
        if _QUESTION.match(text) or _SHAPE.match(text):
            line = getattr(node, "lineno", 1)
            yield f"{name}:{line}: {text.splitlines()[0]}"
