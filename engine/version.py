"""The version, read from the extension's manifest, where alone it stands."""

import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

_MANIFEST = Path(__file__).resolve().parents[1] / "blender_manifest.toml"


@cache
def version() -> str:
    """AnchorStage's version, "0.1.0".

    In a clone and inside the extension's zip the manifest lies beside the engine; an engine that
    pip copied into site-packages has none, and asks the package's metadata, which was made from the
    manifest.
    """
    if not _MANIFEST.is_file():
        return metadata.version("anchorstage")
    return tomllib.loads(_MANIFEST.read_text(encoding="utf-8"))["version"]
