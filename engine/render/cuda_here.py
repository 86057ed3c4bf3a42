"""Ask whether the CUDA renderer can work on this machine, without trying it."""

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
    """Return True where gsplat 1.5 can draw.

    It needs PyTorch with CUDA, a card, and gsplat compiled or a compiler for it. A PyTorch without
    CUDA is told by its version file and not imported.
    """
    if not all(importlib.util.find_spec(name) for name in MODULES):
        return False
    if not _built_for_cuda() or not version("gsplat").startswith(CONSTANTS_OF):
        return False
    return bool(import_module("torch").cuda.is_available()) and _has_kernels()


def _folder(module: str) -> Path | None:
    spec = importlib.util.find_spec(module)
    return Path(spec.origin).parent if spec and spec.origin else None


def _built_for_cuda() -> bool:
    """Read torch/version.py, without the package around it."""
    folder = _folder("torch")
    if folder is None:
        return False
    return runpy.run_path(str(folder / "version.py")).get("cuda") is not None


def _has_kernels() -> bool:
    """Look for gsplat's compiled kernels, or for an nvcc that makes them at the first use."""
    folder = _folder("gsplat")
    files = [] if folder is None else list(folder.glob("csrc*"))
    if any(path.suffix in (".so", ".pyd") for path in files):
        return True
    if shutil.which("nvcc") is not None:
        return True
    return import_module("torch.utils.cpp_extension").CUDA_HOME is not None
