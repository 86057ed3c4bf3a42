"""The wire between Blender and the engine: one JSON object a line.

To the engine: `{"id": 7, "job": "reconstruct", "args": {…}}` and `{"cancel": 7}`. From it: `{"ready": true, …}` once,
then `{"id": 7, "progress": 0.4, "stage": "Depth"}`, and at last `{"id": 7, "result": {…}}` or
`{"id": 7, "error": {"type": "ImageError", "message": "…"}}`. Large arrays travel in files.
"""

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """A job to do."""

    id: int
    job: str
    args: dict[str, Any]


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
        return Request(int(record["id"]), str(record["job"]), dict(record.get("args", {})))
    except (ValueError, KeyError, TypeError) as error:
        raise ProtocolError(f"not a message: {line[:200]!r}") from error


def ready(version: str) -> str:
    """The engine's first line."""
    return _line({"ready": True, "version": version})


def progress(id: int, fraction: float, stage: str) -> str:
    """How far a job is."""
    return _line({"id": id, "progress": round(fraction, 4), "stage": stage})


def result(id: int, value: dict[str, Any]) -> str:
    """A job's result."""
    return _line({"id": id, "result": value})


def error(id: int, type: str, message: str) -> str:
    """A job's failure, in one sentence."""
    return _line({"id": id, "error": {"type": type, "message": message}})


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=True, allow_nan=True) + "\n"
