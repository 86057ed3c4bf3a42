"""Compile the C files beside this one with `zig cc`, for this machine or for every platform.

Standard library only, because `build.py` uses it before anything is installed. A library is built
again only when its sources, its flags or the compiler's version changed.
"""

import hashlib
import platform
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).resolve().parent
LIBRARIES = SOURCES / "lib"

# No -ffast-math and no contraction: every platform then gives the same bits, so that the frames of
# a mixed render farm agree. Only the plain x86-64 build, for processors older than 2013, rounds
# twice where the others fuse (`fused` of rasterise.h) and differs in the last digits. Nobody reads
# errno or floating-point traps here, and they cost vectorisation.
FLAGS = (
    *("-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
    *("-Wall", "-Wextra", "-Werror", "-fno-sanitize=all", "-fPIC", "-g0"),
)
LINK_FLAGS = ("-shared", "-Wl,-s")
LINKED = ("-lm",)


@dataclass(frozen=True)
class Target:
    """One library: the zip that it belongs to, and its names for zig."""

    platform: str  # Blender's name of the platform, "linux-x64"
    machine: str  # as in the file's name, "linux-x86_64"
    # zig's, with the oldest glibc that we promise (2.17: CentOS 7) or the oldest macOS
    triple: str
    cpu: str  # zig's -mcpu
    extension: str

    @property
    def filename(self) -> str:
        """Name of the library, `anchorstage-linux-x86_64-v3.so`."""
        level = "-v3" if self.cpu.endswith("v3") else ""
        return f"anchorstage-{self.machine}{level}{self.extension}"


TARGETS = (
    Target("linux-x64", "linux-x86_64", "x86_64-linux-gnu.2.17", "x86_64", ".so"),
    Target("linux-x64", "linux-x86_64", "x86_64-linux-gnu.2.17", "x86_64_v3", ".so"),
    Target("linux-arm64", "linux-aarch64", "aarch64-linux-gnu.2.17", "generic", ".so"),
    Target("windows-x64", "windows-x86_64", "x86_64-windows-gnu", "x86_64", ".dll"),
    Target("windows-x64", "windows-x86_64", "x86_64-windows-gnu", "x86_64_v3", ".dll"),
    Target("macos-arm64", "macos-aarch64", "aarch64-macos.12.0", "apple_m1", ".dylib"),
    Target("macos-x64", "macos-x86_64", "x86_64-macos.12.0", "x86_64", ".dylib"),
    Target("macos-x64", "macos-x86_64", "x86_64-macos.12.0", "x86_64_v3", ".dylib"),
)


class CompileError(Exception):
    """The compiler refused; its own words are the text."""


def this_machine() -> str:
    """Return the `machine` part of a library's name for the running system, "linux-x86_64"."""
    systems = {"darwin": "macos", "win32": "windows"}
    machines = {"amd64": "x86_64", "arm64": "aarch64"}
    system = systems.get(sys.platform, sys.platform)
    processor = platform.machine()
    machine = machines.get(processor.lower(), processor)
    return f"{system}-{machine}"


def targets_for(platforms: list[str] | None = None) -> list[Target]:
    """Return the targets of Blender's platform names, or of this machine where none is given."""
    if platforms is None:
        return [target for target in TARGETS if target.machine == this_machine()]
    return [target for target in TARGETS if target.platform in platforms]


def sources() -> list[Path]:
    """Return the C files, sorted, so that a build is the same everywhere."""
    return sorted(SOURCES.glob("*.c"))


def build(
    targets: list[Target], python: str = sys.executable, folder: Path = LIBRARIES
) -> list[str]:
    """Compile the libraries that are out of date, two at a time.

    Args:
        targets: What to build.
        python: An interpreter that has the `ziglang` package.
        folder: Where the libraries go.

    Returns:
        The names of the files that were compiled; empty where all were up to date.
    """
    zig = [python, "-m", "ziglang", "cc"]
    version = _version(python)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = stale(targets, python, folder)

    def work(target: Target) -> None:
        _build_one(zig, target, version, folder)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, wanted))
    return [target.filename for target in wanted]


def stale(
    targets: list[Target], python: str = sys.executable, folder: Path = LIBRARIES
) -> list[Target]:
    """Return those of `targets` that `build` would compile."""
    version = _version(python)
    return [target for target in targets if _stamp(folder, target) != _fingerprint(target, version)]


def _build_one(zig: list[str], target: Target, version: str, folder: Path) -> None:
    # The sources may change while it is compiled; the stamp tells those that it began with.
    fingerprint = _fingerprint(target, version)
    # Windows' linker leaves more than one file, so it works in a folder that is then removed.
    with tempfile.TemporaryDirectory(dir=folder, prefix=".build-") as temporary:
        linker = [*zig, "-target", target.triple]
        compiler = [*linker, f"-mcpu={target.cpu}", *FLAGS]
        objects = []
        for path in sources():
            compiled = str(Path(temporary) / f"{path.stem}.o")
            run([*compiler, "-c", path.name, "-o", compiled])
            objects.append(compiled)
        # Linked at the system's lowest level: zig makes a C library for each level, which for
        # Windows takes a minute.
        library = Path(temporary) / target.filename
        run([*linker, *LINK_FLAGS, *objects, *LINKED, "-o", str(library)])
        library.replace(folder / target.filename)
    _stamp_path(folder, target).write_text(fingerprint, encoding="ascii")


@cache
def _version(python: str) -> str:
    return run([python, "-m", "ziglang", "version"]).strip()


def run(command: list[str]) -> str:
    """Run a compiler in the folder of the C files; return what it prints.

    Raises:
        CompileError: it refused.
    """
    result = subprocess.run(
        command,
        cwd=SOURCES,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise CompileError(f"{' '.join(command)}\n{result.stderr[-4000:]}")
    return result.stdout


def _fingerprint(target: Target, version: str) -> str:
    """Digest everything that a library is made from."""
    recipe = repr((target, FLAGS, LINK_FLAGS, LINKED, version))
    digest = hashlib.sha256(recipe.encode())
    headers = sorted(SOURCES.glob("*.h"))
    for path in [*sources(), *headers]:
        digest.update(path.name.encode())
        digest.update(b"\0")
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _stamp_path(folder: Path, target: Target) -> Path:
    return folder / f"{target.filename}.stamp"


def _stamp(folder: Path, target: Target) -> str:
    """Return the fingerprint of the library that is there; "" where there is none."""
    library = folder / target.filename
    path = _stamp_path(folder, target)
    if not library.is_file() or not path.is_file():
        return ""
    return path.read_text(encoding="ascii")
