"""Compiles the C files beside it with `zig cc`: for this machine or, from any machine, for every platform we ship.

Standard library only, because `build.py` uses it before anything is installed. A library is built again only when its
sources, its flags or the compiler's version changed.
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

# No -ffast-math and no contraction: every platform then gives the same bits, so that the frames of a mixed render farm
# agree. Only the plain x86-64 build, for processors older than 2013, rounds twice where the others fuse (`fused` of
# rasterise.h) and differs in the last digits. errno and floating-point traps are nobody's here, and cost vectorisation.
FLAGS = (
    *("-std=c11", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"),
    *("-Wall", "-Wextra", "-Werror", "-fno-sanitize=all", "-fPIC", "-g0"),
)
LINK_FLAGS = ("-shared", "-Wl,-s")
LINKED = ("-lm",)


@dataclass(frozen=True)
class Target:
    """One library: which zip it belongs to and how zig is asked for it."""

    platform: str  # Blender's name of the platform, "linux-x64"
    machine: str  # as in the file's name, "linux-x86_64"
    triple: str  # zig's, with the oldest glibc that we promise (2.17: CentOS 7) or the oldest macOS
    cpu: str  # zig's -mcpu
    extension: str

    @property
    def filename(self) -> str:
        """`anchorstage-linux-x86_64-v3.so`."""
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
    """The `machine` part of a library's name for the running system, "linux-x86_64"."""
    system = {"darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine()
    )
    return f"{system}-{machine}"


def targets_for(platforms: list[str] | None = None) -> list[Target]:
    """The targets of Blender's platform names, or of this machine where none is given."""
    if platforms is None:
        return [target for target in TARGETS if target.machine == this_machine()]
    return [target for target in TARGETS if target.platform in platforms]


def build(
    targets: list[Target], python: str = sys.executable, folder: Path = LIBRARIES
) -> list[str]:
    """Compile what is out of date, two at a time.

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
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda target: _build_one(zig, target, version, folder), wanted))
    return [target.filename for target in wanted]


def stale(
    targets: list[Target], python: str = sys.executable, folder: Path = LIBRARIES
) -> list[Target]:
    """Those of `targets` that `build` would compile."""
    version = _version(python)
    return [target for target in targets if _stamp(folder, target) != _fingerprint(target, version)]


def build_sanitized(sanitizer: str, folder: Path, python: str = sys.executable) -> Path:
    """Compile for this machine with a sanitizer that ends the process at the first fault.

    Args:
        sanitizer: "undefined", or "address" where libasan.so is loaded before everything else; zig brings no runtime
            of its own for that one.
        folder: Where the library goes, under the name that `load` looks for.
        python: An interpreter that has the `ziglang` package.

    Returns:
        The library.
    """
    output = folder / targets_for()[0].filename
    checked = [
        f"-fsanitize={sanitizer}",
        "-fno-sanitize-recover=all",
        "-fno-omit-frame-pointer",
        "-g",
        "-O1",
    ]
    kept = [flag for flag in FLAGS if flag not in ("-O3", "-g0", "-fno-sanitize=all")]
    names = [path.name for path in sources()]
    _run(
        [
            python,
            "-m",
            "ziglang",
            "cc",
            *kept,
            *checked,
            "-shared",
            *names,
            *LINKED,
            "-o",
            str(output),
        ]
    )
    return output


def build_variant(defines: dict[str, int], folder: Path, python: str = sys.executable) -> Path:
    """Compile this machine's plainest library with other constants, for tests.

    Args:
        defines: Macros and their values, `{"TILE_WIDTH": 16, "TILE_HEIGHT": 16}`.
        folder: Where the library goes, under the name that `load` looks for.
        python: An interpreter that has the `ziglang` package.

    Returns:
        The library.
    """
    target = targets_for()[0]
    output = folder / target.filename
    changed = [f"-D{name}={value}" for name, value in defines.items()]
    _compile(python, target.triple, target.cpu, [*changed, *LINK_FLAGS], sources(), output)
    return output


def build_program(
    main: Path, triple: str, cpu: str, output: Path, python: str = sys.executable
) -> None:
    """Compile a C program that calls the kernels, as one static file for any platform; for tests under an emulator.

    Args:
        main: The C file with `main`; it may include the kernels' headers.
        triple: zig's name of the platform, "aarch64-linux-musl".
        cpu: zig's -mcpu.
        output: The program.
        python: An interpreter that has the `ziglang` package.
    """
    _compile(python, triple, cpu, ["-static", "-Wl,-s", f"-I{SOURCES}"], [main, *sources()], output)


def _compile(
    python: str, triple: str, cpu: str, flags: list[str], files: list[Path], output: Path
) -> None:
    """Compile and link in one go, with the flags of a library that ships."""
    zig = [python, "-m", "ziglang", "cc", "-target", triple, f"-mcpu={cpu}"]
    _run([*zig, *FLAGS, *flags, *map(str, files), *LINKED, "-o", str(output)])


def sources() -> list[Path]:
    """The C files, sorted, so that a build is the same everywhere."""
    return sorted(SOURCES.glob("*.c"))


def _build_one(compiler: list[str], target: Target, version: str, folder: Path) -> None:
    fingerprint = _fingerprint(target, version)
    with tempfile.TemporaryDirectory(
        dir=folder, prefix=".build-"
    ) as temporary:  # Windows' linker leaves more than one file
        library = Path(temporary) / target.filename
        compiler = [*compiler, "-target", target.triple]
        objects = [str(Path(temporary) / f"{path.stem}.o") for path in sources()]
        for path, output in zip(sources(), objects, strict=True):
            _run([*compiler, f"-mcpu={target.cpu}", *FLAGS, "-c", path.name, "-o", output])
        # linked at the system's lowest level: zig makes a C library for each, which for Windows takes a minute
        _run([*compiler, *LINK_FLAGS, *objects, *LINKED, "-o", str(library)])
        library.replace(folder / target.filename)
    _stamp_path(folder, target).write_text(fingerprint, encoding="ascii")


@cache
def _version(python: str) -> str:
    return _run([python, "-m", "ziglang", "version"]).strip()


def _run(command: list[str]) -> str:
    result = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False)
    if result.returncode:
        raise CompileError(f"{' '.join(command)}\n{result.stderr[-4000:]}")
    return result.stdout


def _fingerprint(target: Target, version: str) -> str:
    digest = hashlib.sha256(repr((target, FLAGS, LINK_FLAGS, LINKED, version)).encode())
    for path in [*sources(), *sorted(SOURCES.glob("*.h"))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _stamp_path(folder: Path, target: Target) -> Path:
    return folder / f"{target.filename}.stamp"


def _stamp(folder: Path, target: Target) -> str:
    path = _stamp_path(folder, target)
    if not (folder / target.filename).is_file() or not path.is_file():
        return ""
    return path.read_text(encoding="ascii")
