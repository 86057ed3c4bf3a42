"""The way from a checkpoint to the weights that ship.

Batch norms are folded into their convolutions, the weights are stored in half precision, and a
record says where they come from.
"""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.depth.builtin.network import graph

from .model import Context, Conv, DepthNet

Weights = dict[str, np.ndarray]


def folded(net: DepthNet) -> Weights:
    """Return weights and biases of each convolution, its batch norm folded in, float32."""
    weights: Weights = {}
    for name, part in net.named_modules():
        if isinstance(part, Conv):
            gain, bias = _affine(part.norm)
            _put(weights, name, part.conv.weight * gain, bias)
        elif isinstance(part, Context):
            # one norm over the sum of three: each has the gain, and the first has the bias
            gain, bias = _affine(part.norm)
            no_bias = 0 * bias
            for which, own_bias in (("whole", bias), ("column", no_bias), ("row", no_bias)):
                weight = getattr(part, which).weight
                _put(weights, f"{name}.{which}", weight * gain, own_bias)
        elif isinstance(part, torch.nn.Conv2d) and part.bias is not None:
            _put(weights, name, part.weight, part.bias)
    return weights


def digest(weights: Weights) -> str:
    """Return the SHA-256 of the half-precision weights in the order of their names."""
    total = hashlib.sha256()
    for name in sorted(weights):
        half = np.ascontiguousarray(weights[name], np.float16)
        total.update(name.encode())
        total.update(half.tobytes())
    return total.hexdigest()


def commit() -> str:
    """Return the commit of the source that runs; "" if it is in no checkout.

    A plus behind it says that the source was changed since.
    """
    try:
        head = _git("rev-parse", "HEAD").strip()
        changed = _git("status", "--porcelain", ".").strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
    return f"{head}+" if changed else head


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return result.stdout


def export(net: DepthNet, path: Path, seed: int, steps: int) -> None:
    """Write the weights for `engine/depth/builtin/network.py`.

    Args:
        net: usually a run's averaged weights.
        path: an .npz.
        seed: of the run, for the record.
        steps: of the run, for the record.
    """
    weights: dict[str, Any] = {}
    for name, value in folded(net).items():
        weights[name] = value.astype(np.float16)
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
    """Return a batch norm's gain (C, 1, 1, 1) and bias (C,) in use, when its statistics rest."""
    deviation = (norm.running_var + norm.eps).sqrt()
    gain = norm.weight / deviation
    bias = norm.bias - norm.running_mean * gain
    return gain[:, None, None, None], bias


def _put(weights: Weights, name: str, weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Store a convolution's weight and bias as arrays."""
    for kind, tensor in (("weight", weight), ("bias", bias)):
        values = tensor.detach().float().cpu()
        weights[f"{name}.{kind}"] = values.contiguous().numpy()
