"""Photo to scene: seconds of each stage in a warm process, and its peak memory."""

import json
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

RUNS = 5  # after one that is not counted
TWELVE_MP = 4243, 2829  # pixels, the demo photo's aspect
KIB_PER_MIB = 1024


def rows(photo: Path) -> list[dict[str, object]]:
    """One row for the demo photo as it is, one for it at 12 MP (enlarged: the work is that of a real one)."""
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.jpg"
        picture = cv2.resize(cv2.imread(str(photo)), TWELVE_MP, interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(large), picture)
        return [_row(photo), _row(large)]


def _row(photo: Path) -> dict[str, object]:
    """Measured in a process of its own, so that the peak memory is this photo's."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.reconstruct_bench", photo],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def _peak_mib() -> float:
    """Peak memory of this process alone; getrusage would begin with that of the process that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        return float(re.findall(r"VmHWM:\s*(\d+)", status.read_text())[0]) / KIB_PER_MIB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB_PER_MIB


def _measure(photo: Path) -> dict[str, object]:
    from engine.jobs import Desk, run_job

    imports = _peak_mib()
    stages: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(RUNS + 1):
            args = {"output": f"{folder}/{number}.anchorstage"}
            result = run_job("reconstruct", args, Desk.local(lends={"photo": photo}))
            stages.append(result["seconds"])
    peak = _peak_mib()
    warm = stages[1:]
    totals = [sum(run.values()) for run in warm]
    row: dict[str, object] = {
        "what": "reconstruct",
        "photo": f"{result['width']}x{result['height']}",
        "splats": result["splats"],
    }
    row |= {
        f"{stage} s": round(float(np.median([run[stage] for run in warm])), 2) for stage in warm[0]
    }
    row |= {
        "median s": round(float(np.median(totals)), 2),
        "p90 s": round(float(np.percentile(totals, 90)), 2),
    }
    return row | {"imports MiB": round(imports), "peak MiB": round(peak)}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(Path(sys.argv[1]))))
