"""The photo that the demo and the tests use: `china.jpg`, which scikit-learn's wheel carries."""

import os
import tempfile
import zipfile
from pathlib import Path

from .steps import BUILD, locked, pins, quietly, step

INSIDE = "sklearn/datasets/images/china.jpg"


def ensure_photo(python: Path) -> Path:
    """Return the photo's path, and take it out of the pinned wheel if it is not there yet."""
    photo = BUILD / "china.jpg"
    with locked():
        if not photo.is_file():
            wheel = pins()["tool"]["anchorstage"]["photo-wheel"]
            with step(f"Taking china.jpg out of {wheel}"):
                _extract(wheel, photo, python)
    return photo


def _extract(wheel: str, photo: Path, python: Path) -> None:
    with tempfile.TemporaryDirectory(dir=BUILD) as folder:
        pip = [
            python,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--only-binary=:all:",
        ]
        quietly([*pip, "--dest", folder, wheel], f"Downloading {wheel}")
        [archive] = Path(folder).glob("*.whl")
        with zipfile.ZipFile(archive) as content:
            os.replace(content.extract(INSIDE, folder), photo)
