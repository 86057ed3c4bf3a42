"""The depth network's graph in NumPy: its layers, and its weights from `weights/`, without torch.

input (8, h, w) ─► 1/2 ─► 1/4 ─► 1/8 ─► 1/16 ─► back up ─► maps (8, h, w)
                                          └─► means ─────► scalars (5,)

`training/model.py` is the same graph for training and gives its reasons; a test compares the two.
`prediction.py` runs it on a picture and says what the maps and scalars mean.
"""

import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from ...errors import DepthError

# The contract with the trainer, whose model imports these.

# Planes of the input: red, green, blue, ray x, ray y, sine of elevation, whether gravity is known,
# log depth of the unit plane.
INPUTS = 8

# Channels at 1/2, 1/4, 1/8 and 1/16 of the input's size, and of the last layer at full size.
WIDTHS = (24, 48, 80, 128, 16)

# Maps that the network returns, in its order. "second", the depth behind silhouettes, is trained
# but not read here.
MAPS = ("things", "spread", "sky", "normal x", "normal y", "normal z", "second", "ground")

# Scalars that the network returns, in its order. "height", in log metres, is trained but not read.
SCALARS = ("scale", "height", "indoors", "tilt x", "tilt z")

FAR_LOG = 4.5  # log camera heights at which the planes of ground and ceiling end
LEAST_INVERSE = 1e-4  # of camera heights: the ground ends at ten thousand of them

WEIGHTS = Path(__file__).parent / "weights" / "depth.npz"


class Network:
    """The graph with its weights."""

    def __init__(self, weights: dict[str, np.ndarray]) -> None:
        """Take the weights of all convolutions, batch norms folded into them.

        Args:
            weights: NAME.weight (out, in, k, k) and NAME.bias (out,) for each convolution.
        """
        self.weights = {
            name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()
        }

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Run the graph.

        Args:
            x: (8, h, w) float32; h and w are multiples of 16.

        Returns:
            Raw maps (8, h, w), in the order of MAPS, and raw scalars (5,), in the order of SCALARS.
        """
        # Down: each level halves the sides.
        half = self._rectified("stem.0", x, stride=2)
        half = self._block("stem.1", half)
        quarter = self._rectified("down4.0", half, stride=2)
        quarter = self._block("down4.1", quarter)
        eighth = self._rectified("down8.0", quarter, stride=2)
        eighth = self._block("down8.1", eighth)
        eighth = self._block("down8.2", eighth)

        # The lowest level sees far: dilated windows, and means of rows, columns and the picture.
        low = self._rectified("down16.0", eighth, stride=2)
        low = self._block("down16.1", low, dilation=2)
        low = self._context("down16.2", low)
        low = self._block("down16.3", low, dilation=3)
        low = self._context("down16.4", low)
        low = self._block("down16.5", low)

        # Up again, each level joined with the one of its size on the way down.
        y = self._up("up8", low, eighth)
        y = self._up("up4", y, quarter)
        y = self._up("up2", y, half)
        both = np.concatenate([_doubled(y), x])
        y = self._rectified("fine", both)
        maps = self._conv("maps", y)

        # The scalars are of the whole picture, so they need no more than the lowest level's mean.
        pooled = low.mean((1, 2), keepdims=True)
        scalars = self._conv("scalars", pooled)[:, 0, 0]
        return maps, scalars

    def _conv(self, name: str, x: np.ndarray, stride: int = 1, dilation: int = 1) -> np.ndarray:
        weight = self.weights[f"{name}.weight"]
        bias = self.weights[f"{name}.bias"]
        return convolve(x, weight, bias, stride, dilation)

    def _rectified(
        self,
        name: str,
        x: np.ndarray,
        stride: int = 1,
        dilation: int = 1,
    ) -> np.ndarray:
        return np.maximum(self._conv(name, x, stride, dilation), 0)

    def _block(self, name: str, x: np.ndarray, dilation: int = 1) -> np.ndarray:
        """Apply two convolutions beside a short cut (He 2016)."""
        y = self._rectified(f"{name}.first", x)
        y = self._conv(f"{name}.second", y, dilation=dilation)
        return np.maximum(x + y, 0)

    def _context(self, name: str, x: np.ndarray) -> np.ndarray:
        """Add to each cell what follows from the means of its column, its row and the picture."""
        column = x.mean(1, keepdims=True)  # (C, 1, w)
        row = x.mean(2, keepdims=True)  # (C, h, 1)
        whole = column.mean(2, keepdims=True)  # (C, 1, 1)
        from_whole = self._conv(f"{name}.whole", whole)
        from_column = self._conv(f"{name}.column", column)
        from_row = self._conv(f"{name}.row", row)
        return x + from_whole + from_column + from_row

    def _up(self, name: str, x: np.ndarray, skip: np.ndarray) -> np.ndarray:
        """Double the size of a level and join it with the level `skip` of that size."""
        both = np.concatenate([_doubled(x), skip])
        joined = self._rectified(f"{name}.join", both)
        return self._rectified(f"{name}.smooth", joined)


def available() -> bool:
    """Return true if the weights' file exists."""
    return WEIGHTS.is_file()


@lru_cache(maxsize=2)
def load(path: Path) -> Network:
    """Read folded weights.

    Args:
        path: an .npz that the trainer's export wrote.

    Raises:
        DepthError: it is missing, damaged or of another graph.
    """
    try:
        with np.load(path) as stored:
            about = json.loads(str(stored["about"]))
            weights = {name: stored[name] for name in stored.files if name != "about"}
    except (OSError, ValueError, KeyError) as error:
        raise DepthError(
            f"The depth network's weights in {path.name} cannot be read; install AnchorStage again."
        ) from error
    if about.get("graph") != graph():
        raise DepthError(
            f"The depth network's weights in {path.name} are of another version; "
            "install AnchorStage again."
        )
    return Network(weights)


def graph() -> str:
    """Return a name for the graph; weights fit it if they bear the same name."""
    return f"unet, nearer {INPUTS} {WIDTHS} {len(MAPS)} {len(SCALARS)}"


def convolve(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    stride: int = 1,
    dilation: int = 1,
) -> np.ndarray:
    """Convolve with zeros about the picture, as one matrix product over unfolded windows.

    Args:
        x: (C, h, w) float32.
        weight: (O, C, k, k), k odd.
        bias: (O,).
        stride: of the output, in cells of the input.
        dilation: distance between neighbours in the window, in cells of the input.

    Returns:
        (O, ceil(h / stride), ceil(w / stride)) float32.
    """
    size = weight.shape[-1]
    if size == 1:
        product = np.tensordot(weight[..., 0, 0], x, 1)
        return product + bias[:, None, None]

    channels, height, width = x.shape
    out_height = -(-height // stride)
    out_width = -(-width // stride)
    margin = dilation * (size // 2)
    both_sides = (margin, margin)
    padded = np.pad(x, ((0, 0), both_sides, both_sides))

    # A view that repeats each cell once for each window it lies in; nothing is copied yet.
    of_channel, of_row, of_column = padded.strides
    windows = np.lib.stride_tricks.as_strided(
        padded,
        shape=(channels, size, size, out_height, out_width),
        strides=(
            of_channel,
            of_row * dilation,
            of_column * dilation,
            of_row * stride,
            of_column * stride,
        ),
    )

    columns = windows.reshape(channels * size * size, -1)  # (C k k, cells of the output)
    rows = weight.reshape(len(weight), -1)  # (O, C k k)
    product = rows @ columns
    cells = product + bias[:, None]
    return cells.reshape(-1, out_height, out_width)


def _doubled(x: np.ndarray) -> np.ndarray:
    """Repeat each cell as two by two."""
    return x.repeat(2, 1).repeat(2, 2)
