"""Reading and writing OpenEXR files: float32, ZIP, one part, whole or not at all."""

import ctypes
import errno
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR

from .errors import ExportError, IncompleteError
from .store import atomic_path, quiet

# OpenEXR compresses one chunk a thread; without threads of its own a frame takes twice as long to
# write. Two more than there are cores, since the caller's thread only waits.
OpenEXR.set_global_thread_count((os.cpu_count() or 1) + 2)

# OpenEXR prints this where it cannot read a part, and leaves the part out.
_PART_LOST = "Exception raised reading pixel data"
# Attributes that OpenEXR derives from the pixels; another file's must not be handed over.
_DERIVED = (
    "channels",
    "type",
    "compression",
    "lineOrder",
    "name",
    "chunkCount",
    "version",
    "tiles",
)


def write_exr(path: Path, channels: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Write one single-part scan line file, ZIP, atomically.

    Args:
        path: the file; its folder is made.
        channels: names to (H, W) arrays; float16, float32 and uint32 keep their type.
        header: attributes. Without `dataWindow` the picture starts at 0, 0; without `displayWindow`
            it is the same.

    Raises:
        OutputError: the file cannot be written, or not completely.
    """
    attributes = {name: value for name, value in header.items() if name not in _DERIVED}
    attributes["compression"] = OpenEXR.ZIP_COMPRESSION
    attributes["type"] = OpenEXR.scanlineimage
    # OpenEXR's Python door reads arrays as if they were C-contiguous, attributes included.
    for name, value in attributes.items():
        if isinstance(value, np.ndarray):
            attributes[name] = np.ascontiguousarray(value)
    planes = {name: np.ascontiguousarray(plane) for name, plane in channels.items()}
    file = OpenEXR.File(attributes, planes)
    with atomic_path(Path(path)) as temporary:
        # Python's own open says why it cannot be done; OpenEXR's message has no error number.
        temporary.touch(exist_ok=False)
        try:
            with quiet():
                file.write(str(temporary))
                _check_complete(temporary)
        except RuntimeError as error:
            raise _system_error(error) from error


def _system_error(error: RuntimeError) -> OSError:
    """Return the system's error that OpenEXR has in its message alone."""
    quota = getattr(errno, "EDQUOT", errno.ENOSPC)  # Windows has no quota of disk
    for number in (errno.ENOSPC, quota, errno.EFBIG, errno.EACCES, errno.EIO):
        if os.strerror(number) in str(error):
            return OSError(number, os.strerror(number))
    return OSError(errno.EIO, os.strerror(errno.EIO))


def _check_complete(path: Path) -> None:
    """Raise OSError where the last pixels are not in the file.

    OpenEXR does not notice a disk that is full at the end.
    """
    file = OpenEXR.InputFile(str(path))
    header = file.header()
    last_row = header["dataWindow"].max.y
    name = next(iter(header["channels"]))
    try:
        file.channel(name, scanLine1=last_row, scanLine2=last_row)
    except OSError as error:
        raise OSError(errno.ENOSPC, "the file is not complete") from error
    finally:
        file.close()


def open_parts(path: Path) -> OpenEXR.File:
    """Return OpenEXR's record of a file that is whole.

    The library itself only prints a warning where a part cannot be read, and leaves that part out.

    Raises:
        RuntimeError: the file cannot be read; also ValueError, TypeError, OSError.
    """
    with quiet() as printed:
        file = OpenEXR.File(str(path), separate_channels=True)
    if _PART_LOST in printed.text or not file.parts:
        raise ValueError("a part of the file cannot be read")
    return file


def read_exr(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a file whole; the parts of a multi-part file are put together.

    Returns:
        Channel names to (H, W) arrays in the file's own types, row 0 at the top, and the attributes
        of the first part without those that follow from the pixels.

    Raises:
        ExportError: it is missing, or its parts differ in size.
        IncompleteError: it is damaged.
    """
    if not Path(path).is_file():
        raise ExportError(f"“{path}” is missing. Render the frame again.")
    try:
        file = open_parts(path)
        channels = {}
        for part in file.parts:
            for name, channel in part.channels.items():
                channels[name] = channel.pixels
        attributes = {name: value for name, value in file.header().items() if name not in _DERIVED}
    except (RuntimeError, ValueError, TypeError, OSError) as error:
        raise IncompleteError(
            f"“{path}” is not a complete EXR file. Render the frame again."
        ) from error
    if len({plane.shape for plane in channels.values()}) != 1:
        raise ExportError(
            f"The layers of “{path}” differ in size. Render the frame with one size for all layers."
        )
    return channels, attributes


def clash() -> str | None:
    """Look for another version of OpenEXR in this process.

    A Blender that is linked against its system's OpenEXR has one. Two versions mixed in one call
    crash the process; it must be known before the first file is written.

    Returns:
        One sentence for the user, or None where there is nothing to fear.
    """
    try:
        version_of = ctypes.CDLL(None).exr_get_library_version
    except (AttributeError, OSError, TypeError):
        # TypeError: Windows has no such handle, and no such clash.
        return None
    major = ctypes.c_int()
    minor = ctypes.c_int()
    patch = ctypes.c_int()
    extra = ctypes.c_char_p()
    version_of(ctypes.byref(major), ctypes.byref(minor), ctypes.byref(patch), ctypes.byref(extra))
    visible = [str(major.value), str(minor.value)]
    if visible == OpenEXR.__version__.split(".")[:2]:
        return None
    return (
        "The engine cannot run inside this Blender, "
        f"whose own OpenEXR {major.value}.{minor.value} gets in its way. "
        "Switch “Run the engine inside Blender” off in AnchorStage's preferences."
    )
