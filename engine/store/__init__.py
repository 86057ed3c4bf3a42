"""Files on disk: atomic writing, JSON records with checked values, libraries kept quiet."""

from . import json_file
from .atomic import (
    absolute,
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
