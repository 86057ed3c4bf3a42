"""The kernels of other platforms, under Debian's emulators, draw the same bits as those of this machine.

`cross_harness.c` is linked statically with the kernels by zig: for Linux on arm64 (run by qemu-
aarch64 of the package qemu-user) with musl's libm, for 64-bit Windows (run by wine64) with mingw's,
and for this machine with musl's. So three C libraries and two instruction sets are held against the
shared library that ships.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from built_kernels import build_program
from pictures import PASSES
from sanitized_scenes import PARAMETERS, camera, scene, spoilt

from engine import kernels
from engine.camera import View
from engine.kernels import compiler, rasterise
from engine.render import RenderOptions
from engine.render.frame import kernel_camera
from engine.render.prepared import prepared
from engine.render.rasteriser import render
from engine.splats.record import Splats

HARNESS = Path(__file__).with_name("cross_harness.c")
INPUTS = (
    "positions",
    "scales",
    "rotations",
    "opacities",
    "colors",
    "confidence",
    "region",
    "origin",
)
WINE = (
    "wine64",
    "/usr/lib/wine/wine64",
)  # where the path and Debian's wine64 without its wrapper have it


@dataclass(frozen=True)
class Platform:
    """What the harness is compiled for and what runs it here."""

    triple: str
    cpu: str
    emulators: tuple[str, ...] = ()  # any of these; none: this machine runs it
    package: str = ""  # Debian's, with the emulator
    level: str = "plain"  # of this machine's libraries, the one whose sums are rounded alike (`fused` of rasterise.h)
    required: bool = True  # where continuous integration must have the emulator

    @property
    def command(self) -> list[str] | None:
        """What stands before the program's name; None where there is no emulator."""
        if not self.emulators:
            return []
        found = next((path for path in map(shutil.which, self.emulators) if path), None)
        return [found] if found else None


PLATFORMS = {
    "arm64": Platform(
        "aarch64-linux-musl", "generic", ("qemu-aarch64", "qemu-aarch64-static"), "qemu-user", "v3"
    ),
    "windows": Platform("x86_64-windows-gnu", "x86_64", WINE, "wine64", required=False),
    "windows-v3": Platform("x86_64-windows-gnu", "x86_64_v3", WINE, "wine64", "v3", False),
    "musl": Platform("x86_64-linux-musl", "x86_64"),
}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        compiler.this_machine() != "linux-x86_64", reason="the emulators are Debian's, on x86-64"
    ),
]


@pytest.fixture(scope="module", params=PLATFORMS)
def harness(request, tmp_path_factory):
    """A function from a scene's file to what the harness of a platform makes of it."""
    platform = PLATFORMS[request.param]
    if platform.command is None:
        why = f"{request.param} is not tried: this machine lacks {platform.emulators[0]} (Debian's package {platform.package})"
        pytest.fail(why) if platform.required and os.environ.get("CI") == "true" else pytest.skip(
            why
        )
    if platform.level == "v3" and not kernels.load().anchorstage_runs_v3():
        pytest.skip("this processor is not of level v3")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANCHORSTAGE_KERNELS", platform.level)
        forget()
        yield runner(platform, tmp_path_factory.mktemp(request.param))
    forget()


def forget() -> None:
    """Load the kernels anew at their next use."""
    kernels.load.cache_clear()


def runner(platform: Platform, folder: Path) -> Callable[[bytes], bytes]:
    """Compile the harness; the function that runs it."""
    program = folder / "cross_harness.exe"
    build_program(HARNESS, platform.triple, platform.cpu, program)
    # wine makes its own Windows in a folder of ours, without a word and without a display
    environment = {
        **os.environ,
        "WINEPREFIX": str(folder / "wine"),
        "WINEDEBUG": "-all",
        "DISPLAY": "",
    }

    def run(content: bytes) -> bytes:
        (folder / "scene").write_bytes(content)
        subprocess.run(
            [*platform.command, program, "scene", "output"],
            cwd=folder,
            env=environment,
            check=True,
            timeout=300,
        )
        return (folder / "output").read_bytes()

    return run


def scene_file(
    splats: Splats, view: View, options: RenderOptions, gradients: bool = False
) -> bytes:
    """What cross_harness.c reads."""
    chunks = np.arange(-(-len(splats) // rasterise.CHUNK_SPLATS), dtype=np.int32)
    sh = np.zeros((len(splats), 0, 3), np.float32) if splats.sh is None else splats.sh
    sizes = np.array(
        [len(splats), len(chunks), not options.color_only, sh.shape[1], gradients], np.int64
    )
    arrays = [*(getattr(splats, name) for name in INPUTS), chunks, sh]
    return b"".join(
        [
            sizes.tobytes(),
            bytes(kernel_camera(view, options)),
            *(array.tobytes() for array in arrays),
        ]
    )


def native(splats: Splats, view: View, options: RenderOptions) -> dict[str, np.ndarray]:
    """The same from this machine's library."""
    picture = render(splats, view, options)
    with ThreadPoolExecutor(1) as pool:
        ready = prepared(splats, pool, None)
    names = PASSES[:3] if options.color_only else PASSES
    return {
        "blocks": ready.blocks,
        "normals": ready.normals,
        **{name: getattr(picture, name) for name in names},
    }


def native_gradients(splats: Splats, view: View, options: RenderOptions) -> dict[str, np.ndarray]:
    """Those of color + alpha + depth, where there is a depth, from this machine's library."""
    torch = pytest.importorskip("torch")
    from engine.render.differentiable import rasterise

    inputs = {
        name: torch.from_numpy(getattr(splats, name).copy()).requires_grad_()
        for name in PARAMETERS[:5]
    }
    color, depth, alpha = rasterise(*inputs.values(), view, options.near, options.antialiased)
    (color.sum() + alpha.sum() + depth[torch.isfinite(depth)].sum()).backward()
    return {f"gradients of {name}": tensor.grad.numpy() for name, tensor in inputs.items()}


def assert_same(output: bytes, expected: dict[str, np.ndarray]) -> None:
    """The harness's output is these arrays, one after the other, bit for bit."""
    assert len(output) == sum(array.nbytes for array in expected.values())
    at = 0
    for name, array in expected.items():
        there = np.frombuffer(output, array.dtype, array.size, at).reshape(array.shape)
        at += array.nbytes
        different = (there.view(f"u{array.itemsize}") != array.view(f"u{array.itemsize}")).sum()
        assert not different, f"{name}: {different} of {array.size} numbers differ"


def cases():
    """Scenes and cameras: with the photo's eye, antialiased, colour alone, empty, with harmonics, spoilt."""
    random = np.random.default_rng(7)
    eye = (0.0, 0.0, 1.0)
    for count, size, options in [
        (4000, (200, 120), RenderOptions(photo_position=eye)),
        (4000, (161, 93), RenderOptions(antialiased=True)),
        (1000, (64, 64), RenderOptions(color_only=True, antialiased=True)),
        (0, (33, 17), RenderOptions()),
    ]:
        yield scene(random, count), camera(random, *size), options
    for coefficients in (3, 8, 15):
        splats = scene(random, 1000)
        sh = random.normal(0, 0.3, (1000, coefficients, 3))
        yield splats.with_(sh=sh), camera(random, 90, 50), RenderOptions()
    with np.errstate(all="ignore"):
        yield (
            spoilt(random, scene(random, 3000)),
            camera(random, 100, 70),
            RenderOptions(photo_position=eye, antialiased=True),
        )


def test_every_platform_draws_the_same_bits(harness):
    assert PASSES[:3] == ["color", "alpha", "depth"]  # the order in which the harness writes
    shown = 0
    for splats, view, options in cases():
        expected = native(splats, view, options)
        shown += int((expected["alpha"] > 0).sum())
        assert_same(harness(scene_file(splats, view, options)), expected)
    assert shown > 10_000


@pytest.mark.parametrize("antialiased", [False, True])
def test_every_platform_finds_the_same_gradients(harness, antialiased):
    random = np.random.default_rng(9)
    splats, options = scene(random, 1500), RenderOptions(color_only=True, antialiased=antialiased)
    view = camera(random, 120, 70)
    gradients = native_gradients(splats, view, options)
    assert all(gradient.any() for gradient in gradients.values())
    assert_same(
        harness(scene_file(splats, view, options, True)), native(splats, view, options) | gradients
    )


def test_the_comparison_would_see_one_bit(harness):
    random = np.random.default_rng(8)
    splats, view, options = scene(random, 500), camera(random, 40, 30), RenderOptions()
    expected = native(splats, view, options)
    output = harness(scene_file(splats, view, options))
    assert_same(output, expected)
    for at in (0, len(output) // 2, len(output) - 1):
        changed = bytearray(output)
        changed[at] ^= 1
        with pytest.raises(AssertionError, match="1 of"):
            assert_same(bytes(changed), expected)
