"""Peak memory of a first frame beyond the scene's own arrays; Linux, which says and forgets a process's peak."""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.timing import Timing, measure_first, row, say
from engine.camera import View
from engine.splats.record import Splats

STATUS, FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
NOT_HERE = "not measured: this system does not tell"
KIB_PER_MIB = 1024
MIB = 1 << 20


def memory_row(splats: Splats, view: View, passes: str, peer: bool) -> dict[str, object]:
    """One scene and picture in processes of their own: ours and, for colour alone, the PyTorch rasteriser's."""
    say(f"memory: {len(splats)} splats at {view.width}x{view.height}, {passes}")
    scene = sum(array.nbytes for array in vars(splats).values() if isinstance(array, np.ndarray))
    ours = _in_child(splats, view, passes, "ours")
    theirs = _in_child(splats, view, passes, "peer") if peer else None
    peer_name = "PyTorch rasteriser" if theirs else ""
    line = row(
        "memory of the first frame", len(splats), view, passes, Timing(*ours["timing"]), peer_name
    )
    line |= {
        "scene_mb": round(scene / MIB),
        "memory_mb": ours["peak"],
        "peer_memory_mb": theirs["peak"] if theirs else "",
    }
    measured = theirs is not None and isinstance(ours["peak"], float)
    return line | {
        "memory_ratio": round(theirs["peak"] / ours["peak"], 1) if theirs and measured else ""
    }


def _in_child(splats: Splats, view: View, passes: str, whose: str) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        for name, array in vars(splats).items():
            if isinstance(array, np.ndarray):
                np.save(f"{folder}/{name}.npy", array)
        lens = {name: getattr(view, name) for name in ("fx", "fy", "cx", "cy", "width", "height")}
        request = {
            **lens,
            "pose": view.world_from_camera.tolist(),
            "passes": passes,
            "whose": whose,
            "folder": folder,
        }
        command = [sys.executable, "-m", "benchmarks.memory_bench", json.dumps(request)]
        root = Path(__file__).resolve().parents[1]
        return json.loads(
            subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=root).stdout
        )


def _measure(request: dict) -> dict[str, object]:
    """In the child: read the scene without a copy, forget the peak so far, draw once."""
    splats = Splats(**{path.stem: np.load(path) for path in Path(request["folder"]).glob("*.npy")})
    lens = {name: request[name] for name in ("fx", "fy", "cx", "cy", "width", "height")}
    view = View(**lens, world_from_camera=np.array(request["pose"]))
    draw = _drawer(splats, view, request)
    draw(0)
    before = _forget_peak()
    timing = measure_first(lambda: draw(1))
    return {
        "timing": timing,
        "peak": NOT_HERE if before is None else round(_kib("VmHWM") / KIB_PER_MIB - before, 1),
    }


def _drawer(splats: Splats, view: View, request: dict):
    """A function that draws the scene, or (0) a few splats of it, so that all code is loaded before the peak is watched."""
    few, small = splats.select(np.arange(min(len(splats), 100))), view.resized(16, 9)
    if request["whose"] == "peer":
        from benchmarks import torch_peer

        inputs = [(torch_peer.tensors(few), small), (torch_peer.tensors(splats), view)]
        return lambda which: torch_peer.render(*inputs[which])
    from engine.render import RenderOptions
    from engine.render.rasteriser import render

    options = RenderOptions(color_only=request["passes"] != "all", backend="cpu")
    scenes = [(few, small), (splats, view)]
    return lambda which: render(*scenes[which], options)


def _forget_peak() -> float | None:
    """MiB in use now, which becomes the peak; None where the system cannot do it."""
    if not (STATUS.exists() and FORGET.exists()):
        return None
    FORGET.write_text("5")  # proc(5): resets VmHWM
    return _kib("VmHWM") / KIB_PER_MIB


def _kib(name: str) -> float:
    return float(re.findall(rf"{name}:\s*(\d+)", STATUS.read_text())[0])


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(json.loads(sys.argv[1]))))
