"""Material that lies outside the repository: photos with measured depth, windowed Blenders.

The environment variable ANCHORSTAGE_SHARED names the folder of `photos/` and `real-blender/`.
"""

import os
from pathlib import Path

VARIABLE = "ANCHORSTAGE_SHARED"


def shared(inside: str) -> Path | None:
    """Return a path inside the shared folder, such as "photos/measured".

    None if ANCHORSTAGE_SHARED is not set, or if nothing is there.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        return None
    path = Path(folder) / inside
    return path if path.exists() else None
