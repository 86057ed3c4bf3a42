"""Pictures to what a depth network takes, and its depth back onto the picture's grid: in NumPy, as the models' own do it.

    colours ─► padding ─► resampling ─► mean, deviation ─► [network] ─► resampling ─► padding off ─► depth

Resampling is a product with one small matrix a side, which makes the four conventions of the reference processors (where the
corners lie, whether a coarser grid averages) a matter of that matrix alone.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ...models import Family

Kernel = Literal["bilinear", "bicubic"]

IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
_PIL_SHARPNESS, _TORCH_SHARPNESS = (
    -0.5,
    -0.75,
)  # Keys' parameter a, in Pillow and in torch.nn.functional.interpolate
_STRAIGHT = -0.5  # the only a that keeps a ramp a ramp
_PIL_KERNELS: dict[int, Kernel] = {
    2: "bilinear",
    3: "bicubic",
}  # PIL.Image.Resampling, as preprocessor_config.json names them
_PAD_FACTOR = (
    3.0  # of the square root of half a side: ZoeDepth's padding (Bhat et al. 2023, its `infer`)
)
_MOST_PIXELS = (
    4.0  # times the usual input: a long strip is scaled down further rather than fill the memory
)
_MOST_SIDE = 4096  # of what a preprocessor_config.json may ask for


@dataclass(frozen=True)
class Preparation:
    """How one model wants its picture."""

    height: int  # pixels that the picture is scaled towards
    width: int
    keep_aspect: bool = True
    multiple: int = 1  # of the network's patches: both sides are rounded to it
    mean: tuple[float, ...] = HALF
    deviation: tuple[float, ...] = HALF
    kernel: Kernel = "bilinear"
    averaging: bool = False  # a coarser grid averages (Pillow) instead of sampling (torch)
    corners: bool = False  # the centres of the corner pixels stay where they are (align_corners)
    padded: bool = False  # mirrored margins all round, taken off again afterwards

    def with_file(self, record: dict[str, Any]) -> "Preparation":
        """The same with what a model's preprocessor_config.json says otherwise; values that make no sense are left out."""
        changes: dict[str, Any] = {}
        size = record.get("size")
        if isinstance(size, dict) and all(_is_side(size.get(side)) for side in ("height", "width")):
            changes |= {"height": size["height"], "width": size["width"]}
        if _is_side(record.get("ensure_multiple_of")):
            changes["multiple"] = record["ensure_multiple_of"]
        if isinstance(record.get("keep_aspect_ratio"), bool):
            changes["keep_aspect"] = record["keep_aspect_ratio"]
        if isinstance(record.get("do_pad"), bool) and self.padded:
            changes["padded"] = record["do_pad"]
        for name, key in (("mean", "image_mean"), ("deviation", "image_std")):
            values = record.get(key)
            if (
                isinstance(values, list)
                and len(values) == 3
                and all(isinstance(v, int | float) and 0 < v <= 1 for v in values)
            ):
                changes[name] = tuple(map(float, values))
        if record.get("resample") in list(_PIL_KERNELS):
            changes["kernel"] = _PIL_KERNELS[record["resample"]]
        return replace(self, **changes)

    def padding(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of margin on each side of a picture."""
        if not self.padded:
            return 0, 0
        rows, columns = (
            min(int(math.sqrt(side / 2) * _PAD_FACTOR), side - 1) for side in (height, width)
        )
        return rows, columns

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width that a picture is resampled to: the target's nearer side fits, both are multiples."""
        if not self.keep_aspect:
            return self._rounded(self.height), self._rounded(self.width)
        by_height, by_width = self.height / height, self.width / width
        scale = by_width if abs(1 - by_width) < abs(1 - by_height) else by_height
        most = _MOST_PIXELS * self.height * self.width
        scale = min(scale, math.sqrt(most / (height * width)))
        return self._rounded(scale * height), self._rounded(scale * width)

    def _rounded(self, side: float) -> int:
        return max(self.multiple, round(side / self.multiple) * self.multiple)


def _is_side(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_SIDE


_ANYTHING = Preparation(518, 518, True, 14, IMAGENET_MEAN, IMAGENET_SD, "bicubic", averaging=True)
PREPARATIONS: dict[Family, Preparation] = {
    "depth_anything": _ANYTHING,
    "prompt_depth_anything": replace(_ANYTHING, height=756, width=756),
    "zoedepth": Preparation(384, 512, True, 32, corners=True, padded=True),
    "depth_pro": Preparation(1536, 1536, False),
}


def prepare(colours: np.ndarray, how: Preparation) -> np.ndarray:
    """A picture as the network takes it.

    Args:
        colours: (H, W, 3) float32, sRGB-encoded; what lies outside 0..1 is clipped, for no network has seen it.
        how: its convention.

    Returns:
        (3, h, w) float32, mean and deviation taken off.
    """
    picture = np.clip(colours, 0, 1).astype(np.float32)
    rows, columns = how.padding(*picture.shape[:2])
    picture = np.pad(picture, ((rows, rows), (columns, columns), (0, 0)), mode="reflect")
    sharpness = _PIL_SHARPNESS if how.averaging else _TORCH_SHARPNESS
    picture = resample(
        picture, how.size(*picture.shape[:2]), how.kernel, sharpness, how.averaging, how.corners
    )
    if how.kernel == "bicubic" and how.averaging:
        picture = np.clip(picture, 0, 1)  # Pillow's pixels are bytes: overshoot is cut
    normal = (picture - np.array(how.mean, np.float32)) / np.array(how.deviation, np.float32)
    return np.ascontiguousarray(normal.transpose(2, 0, 1), np.float32)


def restore(values: np.ndarray, how: Preparation, height: int, width: int) -> np.ndarray:
    """A network's map (h, w) on the picture's own pixels, (height, width) float32; overshoot at edges is cut.

    The network's map covers the padded picture edge to edge, whatever its own size is. Where the picture was scaled from corner
    to corner, so is the map: ZoeDepth's own processor forgets that, which is half a pixel at the border. And where the models'
    own processors use a cubic that ripples on a ramp, this is the one that keeps it straight (Catmull-Rom).
    """
    rows, columns = how.padding(height, width)
    size = height + 2 * rows, width + 2 * columns
    full = resample(values[..., None], size, "bicubic", _STRAIGHT, corners=how.corners)[..., 0]
    inner = full[rows : rows + height, columns : columns + width]
    return np.clip(inner, values.min(), values.max())


def resample(
    picture: np.ndarray,
    size: tuple[int, int],
    kernel: Kernel,
    sharpness: float = _TORCH_SHARPNESS,
    averaging: bool = False,
    corners: bool = False,
) -> np.ndarray:
    """A picture (H, W, C) on another grid of (height, width), float32."""
    height, width, channels = picture.shape
    rows = weights(height, size[0], kernel, sharpness, averaging, corners)
    columns = weights(width, size[1], kernel, sharpness, averaging, corners)
    result = np.empty((*size, channels), np.float32)
    for channel in range(channels):  # plain matrices: BLAS knows no others
        plane = np.ascontiguousarray(picture[..., channel], np.float32)
        result[..., channel] = (
            rows @ (plane @ columns.T) if size[1] < width else (rows @ plane) @ columns.T
        )
    return result


def weights(
    count: int,
    target: int,
    kernel: Kernel,
    sharpness: float = _TORCH_SHARPNESS,
    averaging: bool = False,
    corners: bool = False,
) -> np.ndarray:
    """How much of each of `count` pixels goes into each of `target` pixels, (target, count) float32; rows sum to one.

    At the border Pillow's averaging leaves out what lies beyond, sampling repeats the last pixel.
    """
    steps = np.arange(target)
    if corners:
        centres = steps * ((count - 1) / max(target - 1, 1))
    else:
        centres = (steps + 0.5) * (count / target) - 0.5
    stretch = max(count / target, 1.0) if averaging else 1.0
    reach = (1 if kernel == "bilinear" else 2) * stretch
    taps = np.arange(-math.ceil(reach), math.ceil(reach) + 1) + np.floor(centres)[:, None].astype(
        int
    )
    values = _kernel((taps - centres[:, None]) / stretch, kernel, sharpness)
    if averaging:
        values = np.where((taps >= 0) & (taps < count), values, 0)
    matrix = np.zeros((target, count))
    np.add.at(
        matrix,
        (np.repeat(steps, taps.shape[1]), np.clip(taps, 0, count - 1).ravel()),
        values.ravel(),
    )
    return (matrix / matrix.sum(axis=1, keepdims=True)).astype(np.float32)


def _kernel(x: np.ndarray, kernel: Kernel, a: float) -> np.ndarray:
    """The triangle, or the cubic of Keys 1981 with parameter a."""
    x = np.abs(x)
    if kernel == "bilinear":
        return np.maximum(1 - x, 0)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))
