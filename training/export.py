"""From a checkpoint to the weights that ship: batch norms folded, half precision, with a record of where they come from."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.depth.builtin.network import graph

from .model import Context, Conv, DepthNet


def folded(net: DepthNet) -> dict[str, np.ndarray]:
    """Weights and biases of each convolution, its batch norm folded in, float32."""
    weights: dict[str, np.ndarray] = {}
    for name, part in net.named_modules():
        if isinstance(part, Conv):
            gain, bias = _affine(part.norm)
            _put(weights, name, part.conv.weight * gain, bias)
        elif isinstance(part, Context):
            gain, bias = _affine(part.norm)
            for which in ("whole", "column", "row"):
                _put(
                    weights,
                    f"{name}.{which}",
                    getattr(part, which).weight * gain,
                    bias if which == "whole" else 0 * bias,
                )
        elif isinstance(part, torch.nn.Conv2d) and part.bias is not None:
            _put(weights, name, part.weight, part.bias)
    return weights


def digest(weights: dict[str, np.ndarray]) -> str:
    """SHA-256 of the half-precision weights in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(weights):
        total.update(name.encode())
        total.update(np.ascontiguousarray(weights[name], np.float16).tobytes())
    return total.hexdigest()


def commit() -> str:
    """Of the source that runs, with a plus where it was changed since; empty where that is no checkout."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        head = subprocess.run(
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            [*git, "status", "--porcelain", "."], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""
    return head + ("+" if changed.strip() else "")


def export(net: DepthNet, path: Path, seed: int, steps: int) -> None:
    """Write the weights for `engine/depth/builtin/network.py`.

    Args:
        net: usually a run's averaged weights.
        path: an .npz.
        seed: of the run, for the record.
        steps: of the run, for the record.
    """
    weights: dict[str, Any] = {
        name: value.astype(np.float16) for name, value in folded(net).items()
    }
    about = {
        "graph": graph(),
        "seed": seed,
        "steps": steps,
        "commit": commit(),
        "sha256": digest(weights),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        np.savez(file, about=np.array(json.dumps(about)), **weights)


def _affine(norm: torch.nn.BatchNorm2d) -> tuple[torch.Tensor, torch.Tensor]:
    """A batch norm's gain (C, 1, 1, 1) and bias (C,) at rest."""
    gain = norm.weight / (norm.running_var + norm.eps).sqrt()
    return gain[:, None, None, None], norm.bias - norm.running_mean * gain


def _put(
    weights: dict[str, np.ndarray], name: str, weight: torch.Tensor, bias: torch.Tensor
) -> None:
    weights[f"{name}.weight"] = weight.detach().float().cpu().contiguous().numpy()
    weights[f"{name}.bias"] = bias.detach().float().cpu().numpy()
