"""Libraries and programs of the kernels that only tests need."""

import sys
from pathlib import Path

from engine.kernels import compiler

ZIG = (sys.executable, "-m", "ziglang", "cc")

# In place of the flags of a library that ships: the process ends at the first fault.
_SHIPPED_ONLY = ("-O3", "-g0", "-fno-sanitize=all")
_CHECKED = ("-fno-sanitize-recover=all", "-fno-omit-frame-pointer", "-g", "-O1")


def build_sanitized(sanitizer: str, folder: Path) -> Path:
    """Compile for this machine with a sanitizer that ends the process at the first fault.

    Args:
        sanitizer: "undefined", or "address" where libasan.so is loaded before everything else; zig
            brings no runtime of its own for that one.
        folder: where the library goes, under the name that `load` looks for.

    Returns:
        The library.
    """
    output = folder / compiler.targets_for()[0].filename
    flags = [flag for flag in compiler.FLAGS if flag not in _SHIPPED_ONLY]
    flags += [f"-fsanitize={sanitizer}", *_CHECKED, "-shared"]
    names = [path.name for path in compiler.sources()]
    compiler.run([*ZIG, *flags, *names, *compiler.LINKED, "-o", str(output)])
    return output


def build_variant(defines: dict[str, int], folder: Path) -> Path:
    """Compile this machine's plainest library with other constants.

    Args:
        defines: macros and their values, `{"TILE_WIDTH": 16, "TILE_HEIGHT": 16}`.
        folder: where the library goes, under the name that `load` looks for.

    Returns:
        The library.
    """
    target = compiler.targets_for()[0]
    output = folder / target.filename
    changed = [f"-D{name}={value}" for name, value in defines.items()]
    flags = [*changed, *compiler.LINK_FLAGS]
    _compile(target.triple, target.cpu, flags, compiler.sources(), output)
    return output


def build_program(main: Path, triple: str, cpu: str, output: Path) -> None:
    """Compile a C program that calls the kernels, as one static file for any platform.

    Args:
        main: the C file with `main`; it may include the kernels' headers.
        triple: zig's name of the platform, "aarch64-linux-musl".
        cpu: zig's -mcpu.
        output: the program.
    """
    flags = ["-static", "-Wl,-s", f"-I{compiler.SOURCES}"]
    _compile(triple, cpu, flags, [main, *compiler.sources()], output)


def _compile(triple: str, cpu: str, flags: list[str], files: list[Path], output: Path) -> None:
    """Compile and link in one go, with the flags of a library that ships."""
    command = [*ZIG, "-target", triple, f"-mcpu={cpu}", *compiler.FLAGS, *flags]
    compiler.run([*command, *map(str, files), *compiler.LINKED, "-o", str(output)])
