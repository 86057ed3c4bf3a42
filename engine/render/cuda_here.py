"""Whether the CUDA renderer can work on this machine: asked, never tried."""

import importlib.util
import runpy
import shutil
from functools import cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

MODULES = ("torch", "gsplat", "packaging")  # gsplat imports packaging and does not say so
CONSTANTS_OF = "1.5."  # of gsplat: 1.6 changes the largest opacity of a splat


@cache
def available() -> bool:
    """Whether gsplat 1.5 can draw here: PyTorch with CUDA, a card, and gsplat compiled or a compiler for it.

    Asked, never tried: a PyTorch without CUDA is told by its version file and not imported.
    """
    if not all(importlib.util.find_spec(name) for name in MODULES) or not _built_for_cuda():
        return False
    if not version("gsplat").startswith(CONSTANTS_OF):
        return False
    return bool(import_module("torch").cuda.is_available()) and _has_kernels()


def _folder(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parent if spec and spec.origin else None


def _built_for_cuda() -> bool:
    """What torch/version.py says, read without the package around it."""
    folder = _folder("torch")
    return folder is not None and runpy.run_path(str(folder / "version.py")).get("cuda") is not None


def _has_kernels() -> bool:
    """Whether gsplat brings compiled kernels, or there is an nvcc to make them at the first use."""
    folder = _folder("gsplat")
    compiled = folder is not None and any(
        path.suffix in (".so", ".pyd") for path in folder.glob("csrc*")
    )
    return (
        compiled
        or shutil.which("nvcc") is not None
        or import_module("torch.utils.cpp_extension").CUDA_HOME is not None
    )
