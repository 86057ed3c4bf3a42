"""Write docs/api.md, the reference of the jobs: `python -m tools.api_page`.

It runs in the engine's environment; a test holds the page equal to what this gives.
"""

from collections.abc import Iterator

from engine.jobs import FILES, Job, find
from engine.options import Option, options_of

from .steps import ROOT

PAGE = ROOT / "docs" / "api.md"

_INTRODUCTION = """# Jobs

Each job exists in three ways: as a command (`anchorstage NAME`), on the wire
(`{"id": 1, "job": "NAME", "args": {…}}`, [architecture](architecture.md)) and in Python
(`engine.jobs.run_job(NAME, args, desk)`). This page is made from the jobs by
`python -m tools.api_page`.

Quick jobs never wait for long ones. On the wire and in Python a job's files are lent to it and
wanted from it by name (`engine/blobs.py`); on the command line they are arguments.
"""


def page() -> str:
    """Return the page's text."""
    parts = [_INTRODUCTION]
    for name in FILES:
        parts.append("\n".join(_section(find(name))))
    return "\n".join(parts)


def _section(job: Job) -> Iterator[str]:
    yield f"## {job.name}"
    yield ""
    yield f"{job.sentence} Lane: {job.lane}."
    yield ""
    options = options_of(job.options)
    if options:
        yield "| option | type | default | |"
        yield "|---|---|---|---|"
        yield from (_row(one) for one in options)
        yield ""
    for name, sentence in job.lends.items():
        yield f"Lent: `{name}`, {sentence}."
    for name, sentence in job.wants.items():
        yield f"Wanted: `{name}`, {sentence}."
    yield f"Result: {job.gives}."
    yield ""


def _row(one: Option) -> str:
    default = "needed" if one.required else _default(one)
    return f"| `{one.name}` | {one.kind_name} | {default} | {one.hint.sentence} |"


def _default(one: Option) -> str:
    """Write the default as a reader would; leave it empty where "not given" means more."""
    if one.default is None or one.default == "":
        return ""
    if isinstance(one.default, bool):
        return str(one.default).lower()
    return f"{one.default:g}" if isinstance(one.default, float) else str(one.default)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
