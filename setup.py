"""Give pip the version, which stands in blender_manifest.toml alone.

Everything else is in pyproject.toml.
"""

import tomllib
from pathlib import Path

from setuptools import setup

MANIFEST = Path(__file__).resolve().parent / "blender_manifest.toml"

setup(version=tomllib.loads(MANIFEST.read_text(encoding="utf-8"))["version"])
