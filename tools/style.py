"""How easily the code is read: a mirror, not a gate. A room a line, measured on the syntax of its files.

* nodes a line: syntax nodes in the bodies of functions for each line of code there; 7 to 8 is one idea a line.
* comments: lines that are a comment and nothing else, of all lines of code.
* over 100: lines longer than 100 characters.
* longest: lines of the longest function.
* openings: docstrings that open with a question word or with a shape instead of a verb or a noun.
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
    openings: tuple[str, ...] = ()  # "file:line: first words" of docstrings that open badly

    def __add__(self, other: "Figures") -> "Figures":
        """Take two files together."""
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
        """Whole-line comments of all lines of code, in percent."""
        return 100 * self.comments / max(self.code_lines, 1)


def table() -> str:
    """Measure every room; return the lines of a table."""
    rows = [
        f"{'room':34}{'nodes a line':>13}{'comments':>10}{'over 100':>10}{'longest':>9}{'openings':>10}"
    ]
    for name, files in rooms().items():
        total = sum((figures_of(file) for file in files), Figures())
        rows.append(
            f"{name:34}{total.nodes_a_line:13.1f}{total.comment_share:9.1f}%"
            f"{total.long_lines:10}{total.longest:9}{len(total.openings):10}"
        )
    return "\n".join(rows) + "\n"


def rooms() -> dict[str, list[Path]]:
    """The files of each room, by the room's path in the repository."""
    found: dict[str, list[Path]] = {}
    for house in HOUSES:
        for entry in sorted((ROOT / house).iterdir()):
            files = _files(entry)
            if files:
                found[entry.relative_to(ROOT).as_posix()] = files
    for name in ROOMS:
        found[name] = _files(ROOT / name)
    return found


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob("*.py"))
    return [path] if path.suffix == ".py" else []


def figures_of(path: Path) -> Figures:
    """Measure one file."""
    return measure(path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix())


def measure(source: str, name: str = "") -> Figures:
    """Measure the text of one file; `name` is what its findings are called by."""
    lines = source.splitlines()
    tree = ast.parse(source)
    functions = list(_outermost_functions(tree))
    bodies = [body for function in functions if (body := _body(function))]
    return Figures(
        nodes=sum(_node_count(body) for body in bodies),
        body_lines=sum(_code_lines(lines, body[0].lineno, _last_line(body)) for body in bodies),
        code_lines=_code_lines(lines, 1, len(lines)),
        comments=sum(line.lstrip().startswith("#") for line in lines),
        long_lines=sum(len(line) > WIDTH for line in lines),
        longest=max((_length(function) for function in _functions(tree)), default=0),
        openings=tuple(_bad_openings(tree, name)),
    )


def _functions(tree: ast.AST) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node


def _outermost_functions(node: ast.AST) -> Iterator[Function]:
    """Functions and methods; those inside a function count as lines of that one."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            yield child
        else:
            yield from _outermost_functions(child)


def _body(function: Function) -> list[ast.stmt]:
    """The statements of a function without its docstring."""
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def _node_count(statements: Iterable[ast.stmt]) -> int:
    return sum(1 for statement in statements for _ in ast.walk(statement))


def _last_line(statements: list[ast.stmt]) -> int:
    return statements[-1].end_lineno or statements[-1].lineno


def _code_lines(lines: list[str], first: int, last: int) -> int:
    """Lines from `first` to `last`, counted from 1, that are neither blank nor a comment."""
    stripped = (line.strip() for line in lines[first - 1 : last])
    return sum(bool(line) and not line.startswith("#") for line in stripped)


def _length(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _bad_openings(tree: ast.Module, name: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, Documented):
            continue
        text = ast.get_docstring(node) or ""
        if _QUESTION.match(text) or _SHAPE.match(text):
            line = getattr(node, "lineno", 1)
            yield f"{name}:{line}: {text.splitlines()[0]}"
