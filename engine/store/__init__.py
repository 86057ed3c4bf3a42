"""Files on disk: whole writes or none, JSON records with checked values, quiet libraries."""

from . import json_file
from .atomic import (
    absolute,
    announcing,
    atomic_folder,
    atomic_path,
    check_folder_name,
    free_name,
    recover,
    writing,
)
from .json_file import one_line, read_json, write_json
from .quiet import quiet

__all__ = [
    "absolute",
    "announcing",
    "atomic_folder",
    "atomic_path",
    "check_folder_name",
    "free_name",
    "json_file",
    "one_line",
    "quiet",
    "read_json",
    "recover",
    "write_json",
    "writing",
]
