"""The version, read from the extension's manifest, where alone it stands."""

import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

_MANIFEST = Path(__file__).resolve().parents[1] / "blender_manifest.toml"


@cache
def version() -> str:
    """Return AnchorStage's version, such as "0.1.0".

    In a clone and inside the extension's zip the manifest lies beside the engine. An engine that
    pip copied into site-packages has no manifest; it asks the package's metadata, which was made
    from the manifest.
    """
    if not _MANIFEST.is_file():
        return metadata.version("anchorstage")
    manifest = tomllib.loads(_MANIFEST.read_text(encoding="utf-8"))
    return manifest["version"]
