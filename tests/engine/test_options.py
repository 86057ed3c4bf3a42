"""Options: records from plain values; the command line and the reference that are derived from them."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import jobs
from engine.cli.parser import parser_for
from engine.errors import ArgumentError
from engine.options import option, options_of, record_from
from tools import api_page


@dataclass(frozen=True, kw_only=True)
class Options:
    """One of each kind."""

    name: str = option("a name", positional=True)
    count: int = option("how many", 3)
    size: float = option("metres", 1.5)
    maybe: float | None = option("metres, or nothing", None)
    on: bool = option("whether", False)
    view: dict | None = option("an object", None)
    parts: list[str] | None = option("some texts", None)


def test_what_is_not_given_is_the_default():
    made = record_from(Options, {"name": "x", "count": None})
    assert made == Options(name="x")
    assert (made.count, made.size, made.maybe, made.on) == (3, 1.5, None, False)


@given(
    st.fixed_dictionaries(
        {"name": st.text()},
        optional={
            "count": st.integers(),
            "size": st.floats(allow_nan=False) | st.integers(),
            "maybe": st.none() | st.floats(allow_nan=False),
            "on": st.booleans(),
            "view": st.dictionaries(st.text(), st.integers()),
            "parts": st.lists(st.text()),
        },
    )
)
def test_every_value_of_its_type_is_taken_as_it_is(args):
    made = record_from(Options, args)
    for name, value in args.items():
        assert value is None or getattr(made, name) == value


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        ({}, "needs the argument 'name'"),
        ({"name": "x", "speed": 3}, "Unknown argument: speed"),
        ({"name": 3}, "must be text"),
        ({"name": "x", "count": 1.5}, "must be a whole number"),
        ({"name": "x", "count": True}, "must be a whole number"),
        ({"name": "x", "size": "1"}, "must be a number"),
        ({"name": "x", "size": False}, "must be a number"),
        ({"name": "x", "on": "yes"}, "must be true or false"),
        ({"name": "x", "view": []}, "must be an object"),
        ({"name": "x", "parts": "abc"}, "must be a list"),
    ],
)
def test_other_values_are_a_sentence(args, sentence):
    with pytest.raises(ArgumentError, match=sentence):
        record_from(Options, args)


@pytest.mark.parametrize("name", jobs.FILES)
def test_every_option_of_a_job_is_on_the_command_line(name, capsys):
    with pytest.raises(SystemExit):
        parser_for([name]).parse_args([name, "--help"])
    text = capsys.readouterr().out
    job = jobs.find(name)
    for one in options_of(job.options):
        assert one.name.replace("_", "-") in text or one.name in text
    for blob in (*job.lends, *job.wants):
        assert blob in text.lower()


def test_all_commands_are_listed_where_none_is_named(capsys):
    with pytest.raises(SystemExit):
        parser_for(["--help"]).parse_args(["--help"])
    text = capsys.readouterr().out
    for name in jobs.FILES:
        assert f"{name} " in text


def test_the_reference_is_what_the_jobs_say():
    assert api_page.PAGE.read_text(encoding="utf-8") == api_page.page()
