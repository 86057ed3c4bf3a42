"""Pictures in the form that a depth network takes, and its depth back on the picture's grid.

    colours ─► padding ─► resampling ─► mean, deviation ─► [network] ─► resampling ─► padding off

This does in NumPy what the models' own processors do.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, TypeGuard

import numpy as np

from ...models import Family
from .resampling import PIL_SHARPNESS, STRAIGHT, TORCH_SHARPNESS, Kernel, resample

# Means and standard deviations of red, green and blue that networks expect a picture to have.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_SD = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)  # as a mean and as a deviation: 0..1 becomes -1..1

# Numbers of PIL.Image.Resampling, as preprocessor_config.json has them.
_PIL_KERNELS: dict[int, Kernel] = {
    2: "bilinear",
    3: "bicubic",
}
# Of the square root of half a side: ZoeDepth's padding (Bhat et al. 2023, its `infer`).
_PAD_FACTOR = 3.0
# Times the usual input: a long strip is scaled down further rather than fill the memory.
_MOST_PIXELS = 4.0
_MOST_SIDE = 4096  # pixels that a preprocessor_config.json may ask for


@dataclass(frozen=True)
class Preparation:
    """The convention in which one model takes its picture."""

    height: int  # pixels that the picture is scaled towards
    width: int  # pixels that the picture is scaled towards
    keep_aspect: bool = True
    multiple: int = 1  # pixels of the network's patches: both sides are rounded to it
    mean: tuple[float, ...] = HALF
    deviation: tuple[float, ...] = HALF
    kernel: Kernel = "bilinear"
    averaging: bool = False  # a coarser grid averages (Pillow) instead of sampling (torch)
    corners: bool = False  # the centres of the corner pixels stay where they are (align_corners)
    padded: bool = False  # mirrored margins on all sides, taken off again afterwards

    def with_file(self, record: dict[str, Any]) -> "Preparation":
        """Return the same with the changes that a model's preprocessor_config.json asks for.

        Values that make no sense are left out.
        """
        changes: dict[str, Any] = {}
        size = record.get("size")
        if isinstance(size, dict):
            height = size.get("height")
            width = size.get("width")
            if _is_side(height) and _is_side(width):
                changes["height"] = height
                changes["width"] = width
        multiple = record.get("ensure_multiple_of")
        if _is_side(multiple):
            changes["multiple"] = multiple
        keep_aspect = record.get("keep_aspect_ratio")
        if isinstance(keep_aspect, bool):
            changes["keep_aspect"] = keep_aspect
        padded = record.get("do_pad")
        if isinstance(padded, bool) and self.padded:
            changes["padded"] = padded
        mean = record.get("image_mean")
        if _is_of_colours(mean):
            changes["mean"] = tuple(map(float, mean))
        deviation = record.get("image_std")
        if _is_of_colours(deviation):
            changes["deviation"] = tuple(map(float, deviation))
        resampling = record.get("resample")
        if resampling in list(_PIL_KERNELS):  # a list: the value may be one that has no hash
            changes["kernel"] = _PIL_KERNELS[resampling]
        return replace(self, **changes)

    def padding(self, height: int, width: int) -> tuple[int, int]:
        """Return the rows and columns of margin on each side of a picture."""
        if not self.padded:
            return 0, 0
        return _margin(height), _margin(width)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width that a picture is resampled to.

        With its aspect kept, the side that needs less scaling fits the target; both sides are
        multiples of a patch.
        """
        if not self.keep_aspect:
            return self._rounded(self.height), self._rounded(self.width)
        by_height = self.height / height
        by_width = self.width / width
        is_width_nearer = abs(1 - by_width) < abs(1 - by_height)
        scale = by_width if is_width_nearer else by_height

        most = _MOST_PIXELS * self.height * self.width
        pixels = height * width
        most_scale = math.sqrt(most / pixels)
        scale = min(scale, most_scale)
        rounded_height = self._rounded(scale * height)
        rounded_width = self._rounded(scale * width)
        return rounded_height, rounded_width

    def _rounded(self, side: float) -> int:
        patches = round(side / self.multiple)
        return max(self.multiple, patches * self.multiple)


def _margin(side: int) -> int:
    """Return ZoeDepth's margin beyond a side of so many pixels; a mirror shows one pixel less."""
    margin = int(math.sqrt(side / 2) * _PAD_FACTOR)
    return min(margin, side - 1)


def _is_side(value: object) -> bool:
    """Tell whether a value from a file is a possible side of a picture, pixels."""
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return 1 <= value <= _MOST_SIDE


def _is_of_colours(values: object) -> TypeGuard[list[float]]:
    """Tell whether values from a file are three numbers above 0, at most 1."""
    if not isinstance(values, list) or len(values) != 3:
        return False
    if not all(isinstance(value, int | float) for value in values):
        return False
    return all(0 < value <= 1 for value in values)


_ANYTHING = Preparation(
    height=518,
    width=518,
    multiple=14,
    mean=IMAGENET_MEAN,
    deviation=IMAGENET_SD,
    kernel="bicubic",
    averaging=True,
)
PREPARATIONS: dict[Family, Preparation] = {
    "depth_anything": _ANYTHING,
    "prompt_depth_anything": replace(_ANYTHING, height=756, width=756),
    "zoedepth": Preparation(384, 512, multiple=32, corners=True, padded=True),
    "depth_pro": Preparation(1536, 1536, keep_aspect=False),
}


def prepare(colours: np.ndarray, how: Preparation) -> np.ndarray:
    """Turn a picture into a network's input.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded; values outside 0..1 are clipped, for no network
            has seen any.
        how: the network's convention.

    Returns:
        (3, h, w) float32, mean and deviation taken off.
    """
    height, width = colours.shape[:2]
    picture = np.clip(colours, 0, 1).astype(np.float32)
    rows, columns = how.padding(height, width)
    margins = ((rows, rows), (columns, columns), (0, 0))
    picture = np.pad(picture, margins, mode="reflect")

    size = how.size(height + 2 * rows, width + 2 * columns)
    picture = resample(
        picture,
        size,
        how.kernel,
        sharpness=PIL_SHARPNESS if how.averaging else TORCH_SHARPNESS,
        averaging=how.averaging,
        corners=how.corners,
    )
    # Pillow's pixels are bytes, which cut the overshoot of a cubic.
    if how.kernel == "bicubic" and how.averaging:
        picture = np.clip(picture, 0, 1)

    mean = np.array(how.mean, np.float32)
    deviation = np.array(how.deviation, np.float32)
    normalised = (picture - mean) / deviation
    channels_first = normalised.transpose(2, 0, 1)
    return np.ascontiguousarray(channels_first, np.float32)


def restore(values: np.ndarray, how: Preparation, height: int, width: int) -> np.ndarray:
    """Resample a network's map to the picture's own pixels; overshoot at edges is cut.

    The network's map covers the padded picture edge to edge, whatever its own size is. Where the
    picture was scaled from corner to corner, so is the map: ZoeDepth's own processor forgets that,
    which is half a pixel at the border. And where the models' own processors use a cubic that
    ripples on a ramp, this is the one that keeps it straight (Catmull-Rom).

    Args:
        values: (h, w) float32.
        how: the network's convention.
        height: of the picture, pixels.
        width: of the picture, pixels.

    Returns:
        (height, width) float32.
    """
    rows, columns = how.padding(height, width)
    padded_height = height + 2 * rows
    padded_width = width + 2 * columns
    padded = resample(
        values[..., None],
        (padded_height, padded_width),
        "bicubic",
        sharpness=STRAIGHT,
        corners=how.corners,
    )
    padded = padded[..., 0]
    inner = padded[rows : rows + height, columns : columns + width]
    return np.clip(inner, values.min(), values.max())
