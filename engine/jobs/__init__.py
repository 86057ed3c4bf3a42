"""The use cases, a file each: its name, its options, `run` and `tell`.

Command line, wire and docs/api.md are derived from the table below, so a job exists in all three or
in none. A job's file is loaded when the job is first asked for: `anchorstage info` does not wait
for what `reconstruct` needs.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from ..errors import ArgumentError
from ..options import record_from
from .job import Desk, Job, Lane, Result

# The file of each job, by the job's name, in the order in which the command line lists them.
FILES = {
    "reconstruct": "reconstruct",
    "info": "info",
    "render": "render",
    "rescale": "rescale",
    "import": "importing",
    "models": "models",
    "overlay": "overlay",
    "frame": "frame",
    "finish": "finish",
    "lock": "lock",
}


def find(name: str) -> Job:
    """Return the job of that name.

    Raises:
        ArgumentError: there is none.
    """
    if name not in FILES:
        raise ArgumentError(
            f"The engine knows no job “{name}”; Blender's part and the engine's differ in version."
        )
    return import_module(f".{FILES[name]}", __package__).JOB


def run_job(name: str, args: Mapping[str, Any], desk: Desk) -> Result:
    """Run a job by name with plain arguments, as JSON has them.

    Raises:
        AnchorStageError: one sentence for the user.
    """
    job = find(name)
    return job.run(record_from(job.options, args, f"The job “{name}”"), desk)


__all__ = ["FILES", "Desk", "Job", "Lane", "Result", "find", "run_job"]
