"""The depth network: a U-Net whose input says where each pixel looks and which way is up.

    input (B, 8, H, W) ─► 1/2 ─► 1/4 ─► 1/8 ─► 1/16, with means of the picture, its columns and rows
                                                 ├─► scalars (B, 5)
                                                 └─► back up ─► maps (B, 8, H, W)

It answers in camera heights, with the nearer of two surfaces: the ground plane, which rays and
gravity give, and the things before it: log depth = min(-log(-ray . up), things + scale). So the map
of a wall is as simple as the wall, down to where it meets the ground, and level ground is exact for
nothing. Two scalars correct the gravity of the input. Every convolution but the last has a batch
norm, which `export` folds into it; `engine/depth/builtin/network.py` runs the same graph without
torch.
"""

import torch
from torch import nn
from torch.nn import functional

from engine.depth.builtin.network import FAR_LOG, INPUTS, LEAST_INVERSE, MAPS, SCALARS, WIDTHS

LEVEL = (0.0, -1.0, 0.0)  # up, in the axes of a camera that is held level
_LEAST_UP = 1e-6  # the least climb of a ray whose logarithm is taken
_FIRST_LOG = 1.4  # log camera heights at which a new network sees everything
_FIRST_WEIGHT = 0.02  # standard deviation of the last layers' weights in a new network


def inputs(
    colours: torch.Tensor,
    rays: torch.Tensor,
    up: torch.Tensor,
    known: torch.Tensor,
) -> torch.Tensor:
    """Assemble the network's input.

    Args:
        colours: (B, 3, H, W) 0..1, sRGB-encoded.
        rays: (B, H, W, 3) camera rays of unit depth.
        up: (B, 3) the world's up in the camera's axes.
        known: (B,) bool, whether `up` was measured.

    Returns:
        (B, 8, H, W): colour, ray, sine of elevation, known, log depth of a plane one metre below or
        above the camera.
    """
    flag = known.to(colours.dtype)[:, None, None]
    climb = (rays * up[:, None, None]).sum(-1)  # [B, H, W]
    sine = climb / rays.norm(dim=-1) * flag
    # a ray meets the plane at depth 1 / |climb|
    log_plane = -climb.abs().clamp_min(_LEAST_UP).log()
    log_plane = log_plane.clamp(-FAR_LOG, FAR_LOG) * flag
    x, y, _ = rays.unbind(-1)
    geometry = torch.stack(
        [
            x,
            y,
            sine,
            flag.expand_as(sine),
            log_plane,
        ],
        dim=1,
    )
    return torch.cat([2 * colours - 1, geometry], 1)


class Conv(nn.Module):
    """A convolution with batch norm, and a rectifier if `rectify` is set."""

    def __init__(
        self,
        before: int,
        after: int,
        size: int = 3,
        stride: int = 1,
        dilation: int = 1,
        rectify: bool = True,
    ) -> None:
        """Take the channels before and after; padding keeps the picture's size over the stride."""
        super().__init__()
        padding = dilation * (size // 2)
        self.conv = nn.Conv2d(before, after, size, stride, padding, dilation, bias=False)
        self.norm = nn.BatchNorm2d(after)
        self.rectify = rectify

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, before, H, W) to (B, after, H / stride, W / stride)."""
        x = self.norm(self.conv(x))
        return functional.relu(x) if self.rectify else x


class Block(nn.Module):
    """Two convolutions beside a short cut (He 2016)."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        """Take the channels; with a dilation the second convolution sees farther."""
        super().__init__()
        self.first = Conv(channels, channels)
        self.second = Conv(channels, channels, dilation=dilation, rectify=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to the same shape."""
        return functional.relu(x + self.second(self.first(x)))


class Context(nn.Module):
    """A sum that adds the means of the whole picture, of a place's column and of its row.

    It is normalised and has no rectifier: sums over a picture are large, and would else shut whole
    channels for good.
    """

    def __init__(self, channels: int) -> None:
        """Make one linear map for each of the three means."""
        super().__init__()
        self.whole = nn.Conv2d(channels, channels, 1, bias=False)
        self.column = nn.Conv2d(channels, channels, 1, bias=False)
        self.row = nn.Conv2d(channels, channels, 1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (B, channels, H, W) to the same shape."""
        column = x.mean(2, keepdim=True)  # [B, channels, 1, W]
        row = x.mean(3, keepdim=True)  # [B, channels, H, 1]
        whole = column.mean(3, keepdim=True)  # [B, channels, 1, 1]
        context = self.whole(whole) + self.column(column) + self.row(row)
        return x + self.norm(context)


class Up(nn.Module):
    """A step of the way up: twice the size, joined with the features of the way down."""

    def __init__(self, before: int, skip: int, after: int) -> None:
        """Take the channels from below, from the way down, and after."""
        super().__init__()
        self.join = Conv(before + skip, after)
        self.smooth = Conv(after, after)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Join (B, before, h, w) and (B, skip, 2h, 2w) to (B, after, 2h, 2w)."""
        joined = torch.cat([_doubled(x), skip], 1)
        return self.smooth(self.join(joined))


class DepthNet(nn.Module):
    """The whole graph of the module's picture; its order is the order of the weights' file."""

    def __init__(self) -> None:
        """Draw weights as torch does, and small ones at the end: it begins at the plane's depth."""
        super().__init__()
        half, quarter, eighth, low, fine = WIDTHS
        self.stem = nn.Sequential(Conv(INPUTS, half, stride=2), Block(half))
        self.down4 = nn.Sequential(Conv(half, quarter, stride=2), Block(quarter))
        self.down8 = nn.Sequential(
            Conv(quarter, eighth, stride=2),
            Block(eighth),
            Block(eighth),
        )
        self.down16 = nn.Sequential(
            Conv(eighth, low, stride=2),
            Block(low, 2),
            Context(low),
            Block(low, 3),
            Context(low),
            Block(low),
        )
        self.up8 = Up(low, eighth, eighth)
        self.up4 = Up(eighth, quarter, quarter)
        self.up2 = Up(quarter, half, half)
        self.fine = Conv(half + INPUTS, fine)
        self.maps = nn.Conv2d(
            fine,
            len(MAPS),
            3,
            padding=1,
        )
        self.scalars = nn.Conv2d(low, len(SCALARS), 1)
        for last in (self.maps, self.scalars):
            nn.init.normal_(last.weight, 0, _FIRST_WEIGHT)
            nn.init.zeros_(last.bias)
        nn.init.constant_(self.maps.bias[:1], _FIRST_LOG)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map the input to raw maps (B, 8, H, W) and scalars (B, 5), both float32.

        Args:
            x: (B, 8, H, W), both sides multiples of 16.
        """
        # the way down
        half = self.stem(x)
        quarter = self.down4(half)
        eighth = self.down8(quarter)
        low = self.down16(eighth)

        # the way up, and the input once more at its own size, for edges as fine as its pixels
        y = self.up8(low, eighth)
        y = self.up4(y, quarter)
        y = self.up2(y, half)
        y = torch.cat([_doubled(y), x], 1)
        maps = self.maps(self.fine(y))

        scalars = self.scalars(low.mean((2, 3), keepdim=True))[..., 0, 0]
        return maps.float(), scalars.float()


def _doubled(x: torch.Tensor) -> torch.Tensor:
    """Repeat each pixel in two rows and two columns."""
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def corrected(up: torch.Tensor, scalars: torch.Tensor) -> torch.Tensor:
    """Turn the world's up (B, 3), in the camera's axes, by the network's correction of it."""
    tilt_x = scalars[:, 3]
    tilt_z = scalars[:, 4]
    tilt = torch.stack(
        [
            tilt_x,
            torch.zeros_like(tilt_x),
            tilt_z,
        ],
        -1,
    )
    return functional.normalize(up + tilt, dim=1)


def logs(
    x: torch.Tensor,
    up: torch.Tensor,
    maps: torch.Tensor,
    scalars: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the log depth, in camera heights, of the ground plane and of the things before it.

    Args:
        x: the network's input.
        up: (B, 3) the gravity of the input, LEVEL where it is unknown.
        maps: the network's maps.
        scalars: the network's scalars.

    Returns:
        Two maps, (B, H, W).
    """
    ray_x = x[:, 3]
    ray_y = x[:, 4]
    rays = torch.stack(
        [
            ray_x,
            ray_y,
            torch.ones_like(ray_x),
        ],
        -1,
    )
    # the plane one camera height below: its inverse depth is how far a ray falls
    inverse_depth = -(rays * corrected(up, scalars)[:, None, None]).sum(-1)
    ground = -inverse_depth.clamp_min(LEAST_INVERSE).log()
    things = maps[:, 0] + scalars[:, 0, None, None]
    return ground, things


def log_depth(
    x: torch.Tensor,
    up: torch.Tensor,
    maps: torch.Tensor,
    scalars: torch.Tensor,
) -> torch.Tensor:
    """Return the log depth in camera heights, (B, H, W): the nearer of the two of `logs`."""
    ground, things = logs(x, up, maps, scalars)
    return torch.minimum(ground, things)
