"""What a person sees: pixels of the X display that Blender's window lies on.

`bpy.ops.screen.screenshot` reads the front buffer, which is black on a virtual screen, so this asks
the X server.
"""

import ctypes
import struct
import zlib
from pathlib import Path

import numpy as np

_ALL_PLANES = ctypes.c_ulong(-1).value
_Z_PIXMAP = 2


class _XImage(ctypes.Structure):
    """The beginning of Xlib's XImage."""

    _fields_ = [
        *((name, ctypes.c_int) for name in ("width", "height", "xoffset", "format")),
        ("data", ctypes.c_void_p),
        *(
            (name, ctypes.c_int)
            for name in (
                "byte_order",
                "unit",
                "bit_order",
                "pad",
                "depth",
                "bytes_per_line",
                "bits",
            )
        ),
    ]


def grab(width, height):
    """The screen from its upper left corner: (height, width, 3) uint8, row 0 at the top."""
    x11 = ctypes.CDLL("libX11.so.6")
    pointer, number, unsigned, long_ = ctypes.c_void_p, ctypes.c_int, ctypes.c_uint, ctypes.c_ulong
    x11.XOpenDisplay.restype, x11.XOpenDisplay.argtypes = pointer, [ctypes.c_char_p]
    x11.XDefaultRootWindow.restype, x11.XDefaultRootWindow.argtypes = long_, [pointer]
    x11.XGetImage.restype = ctypes.POINTER(_XImage)
    x11.XGetImage.argtypes = [pointer, long_, number, number, unsigned, unsigned, long_, number]
    x11.XCloseDisplay.argtypes = [pointer]
    display = x11.XOpenDisplay(None)
    assert display, "there is no X display"
    image = x11.XGetImage(
        display, x11.XDefaultRootWindow(display), 0, 0, width, height, _ALL_PLANES, _Z_PIXMAP
    ).contents
    assert image.bits == 32
    rows = np.frombuffer(
        ctypes.string_at(image.data, image.bytes_per_line * height), np.uint8
    ).reshape(height, -1)
    pixels = rows[:, : 4 * width].reshape(height, width, 4)[..., 2::-1].copy()
    x11.XCloseDisplay(display)
    return pixels


def write_png(path, pixels):
    """(H, W, 3) uint8 as a PNG; Blender has no image writer that leaves colours alone."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows, 6)),
        (b"IEND", b""),
    ]
    packed = [
        struct.pack(">I", len(d)) + name + d + struct.pack(">I", zlib.crc32(name + d))
        for name, d in chunks
    ]
    Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))
