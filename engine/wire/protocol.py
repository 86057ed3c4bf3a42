"""The messages: one JSON object a line.

To the engine:

    {"id": 7, "job": "frame", "args": {…}, "lends": {…}, "wants": {"passes": {"file": "…"}}}
    {"cancel": 7}

From it:

    {"ready": true, "version": "…"}                 once
    {"id": 7, "progress": 0.4, "stage": "Depth"}    as often as there is news
    {"id": 7, "writing": "…"}                       a temporary path that the job has begun
    {"id": 7, "result": {…}}                        at last, or
    {"id": 7, "error": {"type": "ImageError", "message": "one sentence"}}

What travels in bulk is lent or wanted as a blob, by name (`engine.blobs`). How a blob is described
is the way's own matter: on one machine by `file`, which the other side opens.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..blobs import LocalBlobs

_SHOWN = 200  # characters of a line that is no message, in the log


@dataclass(frozen=True)
class Request:
    """A job to do."""

    id: int
    job: str
    args: dict[str, Any]
    lends: dict[str, Any] = field(default_factory=dict)  # how to get each blob, by its name
    wants: dict[str, Any] = field(default_factory=dict)  # where to put each blob, by its name


@dataclass(frozen=True)
class Cancel:
    """Stop the job of this id."""

    id: int


class ProtocolError(ValueError):
    """A line that is no message."""


def parse(line: str) -> Request | Cancel:
    """Read one line from Blender.

    Raises:
        ProtocolError: it is no message.
    """
    try:
        record = json.loads(line)
        if "cancel" in record:
            return Cancel(int(record["cancel"]))
        return Request(
            id=int(record["id"]),
            job=str(record["job"]),
            args=dict(record.get("args", {})),
            lends=dict(record.get("lends", {})),
            wants=dict(record.get("wants", {})),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError(f"not a message: {line[:_SHOWN]!r}") from error


def local_blobs(request: Request) -> LocalBlobs:
    """Return the blobs of a caller on this machine, which describes each by its `file`.

    Raises:
        ProtocolError: a description is none.
    """
    try:
        lent = {name: Path(blob["file"]) for name, blob in request.lends.items()}
        wanted = {name: Path(blob["file"]) for name, blob in request.wants.items()}
    except (KeyError, TypeError) as error:
        raise ProtocolError(f"not the description of a file ({error})") from error
    return LocalBlobs(lent, wanted)


def ready(version: str) -> str:
    """Write the engine's first line."""
    return _line({"ready": True, "version": version})


def progress(job_id: int, fraction: float, stage: str) -> str:
    """Write how far a job is."""
    return _line({"id": job_id, "progress": round(fraction, 4), "stage": stage})


def writing(job_id: int, path: Path) -> str:
    """Write which temporary path a job has begun, for whoever kills its process to remove."""
    return _line({"id": job_id, "writing": str(path)})


def result(job_id: int, value: dict[str, Any]) -> str:
    """Write a job's result."""
    return _line({"id": job_id, "result": value})


def error(job_id: int, kind: str, message: str) -> str:
    """Write a job's failure, in one sentence."""
    return _line({"id": job_id, "error": {"type": kind, "message": message}})


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=True, allow_nan=True) + "\n"
