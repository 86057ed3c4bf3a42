"""tools/style.py: the figures of small sources, and the two columns that must be 0 here."""

import re
import subprocess
import sys

import pytest

from tools import style
from tools.steps import ROOT
from tools.style import Figures, measure

SMALL = '''"""A module."""

# One comment.
LIMIT = 3  # not a line of its own


def double(number):
    """Return twice a number."""
    # The second comment.
    return number + number
'''


def test_nodes_are_those_of_bodies_without_docstrings():
    figures = measure(SMALL)
    # Return, BinOp, Name, Load, Add, Name, Load
    assert figures.nodes == 7
    assert figures.body_lines == 1
    assert figures.nodes_a_line == 7


def test_comments_are_whole_lines_and_code_is_the_rest():
    figures = measure(SMALL)
    assert figures.comments == 2
    assert figures.code_lines == 5
    assert figures.comment_share == pytest.approx(40)


def test_a_function_inside_another_counts_once_and_not_as_its_docstring_alone():
    figures = measure("def outer():\n    def inner():\n        return 1\n\n    return inner\n")
    assert figures.body_lines == 3
    assert figures.longest == 5
    assert measure('def empty():\n    """Nothing."""\n') == Figures(code_lines=2, longest=2)


def test_lines_are_long_beyond_a_hundred_characters():
    exact = "x = '" + "a" * 94 + "'"
    assert len(exact) == style.WIDTH
    assert measure(f"{exact}\n").long_lines == 0
    assert measure(f"{exact} \n").long_lines == 1


@pytest.mark.parametrize(
    "opening",
    [
        "What the sky hides.",
        "Whether it is covered.",
        "(H, W) bool: the sky.",
        "(N,) metres.",
        "H, W, the size.",
        "(B, 3, 3) of nine (B,).",
    ],
)
def test_openings_with_a_question_or_a_shape_are_named_with_file_and_line(opening):
    source = f'def f():\n    """{opening}"""\n'
    assert measure(source, "a.py").openings == (f"a.py:1: {opening}",)


@pytest.mark.parametrize(
    "opening",
    ["Return the sky, (H, W) bool.", "The splats of a scene.", "Whatever it takes.", "Show it."],
)
def test_openings_with_a_verb_or_a_noun_are_none(opening):
    assert measure(f'"""{opening}"""\n').openings == ()


def test_openings_of_modules_and_classes_count_too():
    source = '"""Which files there are."""\n\n\nclass A:\n    """What it holds."""\n'
    assert len(measure(source).openings) == 2


def test_figures_add_up_but_for_the_longest_function():
    one = Figures(nodes=1, body_lines=2, code_lines=3, comments=4, long_lines=5, longest=6)
    assert one + one == Figures(
        nodes=2,
        body_lines=4,
        code_lines=6,
        comments=8,
        long_lines=10,
        longest=6,
    )


def test_an_empty_file_has_no_figures():
    assert measure("") == Figures()
    assert measure("").nodes_a_line == 0
    assert measure("").comment_share == 0


def test_the_command_prints_a_line_for_each_room():
    command = [sys.executable, ROOT / "build.py", "style"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    heading, *lines = result.stdout.splitlines()
    columns = ["room", "nodes a line", "comments", "over 100", "longest", "openings"]
    assert re.split(r"  +", heading) == columns
    assert [line.split()[0] for line in lines] == list(style.rooms())
    assert "training" in style.rooms()


# This test measures the real repository, where all the others measure small sources.
@pytest.mark.parametrize("path", ["engine", "anchorstage_addon", "training", "tools", "build.py"])
def test_the_repository_has_no_bad_opening_and_no_line_over_the_width(path):
    for file in style._files(ROOT / path):
        figures = style.figures_of(file)
        assert figures.openings == ()
        assert figures.long_lines == 0, file
