"""The depth network: a U-Net told where each pixel looks and which way is up.

    input (B, 8, H, W) ─► 1/2 ─► 1/4 ─► 1/8 ─► 1/16 with means of the picture, its columns and rows ─► back up ─► maps
                                                  └─► scalars (B, 5)                                    (B, 8, H, W)

It answers in camera heights, with the nearer of two: the ground plane, which rays and gravity give, and what stands before
it: log depth = min(-log(-ray . up), things + scale). So a wall's map is as simple as the wall, down to where it meets the
ground, and what is level is exact for nothing. Two scalars correct the gravity that it was told. Every convolution but the last
has a batch norm, which `export` folds into it; `engine/depth/builtin/network.py` runs the same graph without torch.
"""

import torch
from torch import nn
from torch.nn import functional

from engine.depth.builtin.network import FAR_LOG, INPUTS, LEAST_INVERSE, MAPS, SCALARS, WIDTHS

_LEAST_UP = 1e-6
_FIRST_LOG = 1.4  # log camera heights at which a new network sees everything
LEVEL = (0.0, -1.0, 0.0)  # up, in the axes of a camera that is held level


def inputs(
    colours: torch.Tensor, rays: torch.Tensor, up: torch.Tensor, known: torch.Tensor
) -> torch.Tensor:
    """What the network sees.

    Args:
        colours: (B, 3, H, W) 0..1, sRGB-encoded.
        rays: (B, H, W, 3) camera rays of unit depth.
        up: (B, 3) the world's up in the camera's axes.
        known: (B,) bool, whether `up` was measured.

    Returns:
        (B, 8, H, W): colour, ray, sine of elevation, known, log depth of a plane one metre below or above the camera.
    """
    flag = known.to(colours.dtype)[:, None, None]
    climb = (rays * up[:, None, None]).sum(-1)
    sine = climb / rays.norm(dim=-1) * flag
    plane = -climb.abs().clamp_min(_LEAST_UP).log()
    plane = plane.clamp(-FAR_LOG, FAR_LOG) * flag
    planes = [rays[..., 0], rays[..., 1], sine, flag.expand_as(sine), plane]
    return torch.cat([2 * colours - 1, torch.stack(planes, 1)], 1)


class Conv(nn.Module):
    """Convolution, batch norm, and rectifier where asked."""

    def __init__(
        self,
        before: int,
        after: int,
        size: int = 3,
        stride: int = 1,
        dilation: int = 1,
        rectify: bool = True,
    ) -> None:
        """Channels before and after; padding keeps the picture's size over the stride."""
        super().__init__()
        self.conv = nn.Conv2d(
            before, after, size, stride, dilation * (size // 2), dilation, bias=False
        )
        self.norm = nn.BatchNorm2d(after)
        self.rectify = rectify

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, before, H, W) to (B, after, H / stride, W / stride)."""
        x = self.norm(self.conv(x))
        return functional.relu(x) if self.rectify else x


class Block(nn.Module):
    """Two convolutions beside a short cut (He 2016)."""

    def __init__(self, channels: int, dilation: int = 1) -> None:
        """The second one sees farther where dilated."""
        super().__init__()
        self.first, self.second = (
            Conv(channels, channels),
            Conv(channels, channels, dilation=dilation, rectify=False),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape."""
        return functional.relu(x + self.second(self.first(x)))


class Context(nn.Module):
    """Adds to each place what the whole picture, its column and its row say on average.

    Normalised, and without a rectifier: sums over a picture are large, and else they shut whole channels for good.
    """

    def __init__(self, channels: int) -> None:
        """One linear map for each."""
        super().__init__()
        self.whole, self.column, self.row = (
            nn.Conv2d(channels, channels, 1, bias=False) for _ in range(3)
        )
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Same shape."""
        column, row = x.mean(2, keepdim=True), x.mean(3, keepdim=True)
        return x + self.norm(
            self.whole(column.mean(3, keepdim=True)) + self.column(column) + self.row(row)
        )


class Up(nn.Module):
    """Twice the size, joined with what the way down saw there."""

    def __init__(self, before: int, skip: int, after: int) -> None:
        """Channels from below, from the side, and after."""
        super().__init__()
        self.join, self.smooth = Conv(before + skip, after), Conv(after, after)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """(B, before, h, w) and (B, skip, 2h, 2w) to (B, after, 2h, 2w)."""
        return self.smooth(
            self.join(
                torch.cat([functional.interpolate(x, scale_factor=2.0, mode="nearest"), skip], 1)
            )
        )


class DepthNet(nn.Module):
    """See the module's picture; the order of its parts is the order of the weights' file."""

    def __init__(self) -> None:
        """Weights as torch draws them; the last layer small, so that it begins at the plane's depth."""
        super().__init__()
        half, quarter, eighth, low, fine = WIDTHS
        self.stem = nn.Sequential(Conv(INPUTS, half, stride=2), Block(half))
        self.down4 = nn.Sequential(Conv(half, quarter, stride=2), Block(quarter))
        self.down8 = nn.Sequential(Conv(quarter, eighth, stride=2), Block(eighth), Block(eighth))
        self.down16 = nn.Sequential(
            Conv(eighth, low, stride=2),
            Block(low, 2),
            Context(low),
            Block(low, 3),
            Context(low),
            Block(low),
        )
        self.up8, self.up4, self.up2 = (
            Up(low, eighth, eighth),
            Up(eighth, quarter, quarter),
            Up(quarter, half, half),
        )
        self.fine = Conv(half + INPUTS, fine)
        self.maps = nn.Conv2d(fine, len(MAPS), 3, padding=1)
        self.scalars = nn.Conv2d(low, len(SCALARS), 1)
        for last in (self.maps, self.scalars):
            nn.init.normal_(last.weight, 0, 0.02)
            nn.init.zeros_(last.bias)
        nn.init.constant_(self.maps.bias[:1], _FIRST_LOG)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, 8, H, W), both sides multiples of 16, to raw maps (B, 8, H, W) and scalars (B, 5), float32."""
        half = self.stem(x)
        quarter = self.down4(half)
        eighth = self.down8(quarter)
        low = self.down16(eighth)
        y = self.up2(self.up4(self.up8(low, eighth), quarter), half)
        y = torch.cat([functional.interpolate(y, scale_factor=2.0, mode="nearest"), x], 1)
        scalars = self.scalars(low.mean((2, 3), keepdim=True))[..., 0, 0]
        return self.maps(self.fine(y)).float(), scalars.float()


def corrected(up: torch.Tensor, scalars: torch.Tensor) -> torch.Tensor:
    """The world's up (B, 3) in the camera's axes, turned by what the network says of it."""
    tilt = torch.stack([scalars[:, 3], torch.zeros_like(scalars[:, 3]), scalars[:, 4]], -1)
    return functional.normalize(up + tilt, dim=1)


def logs(
    x: torch.Tensor, up: torch.Tensor, maps: torch.Tensor, scalars: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logs of depth over camera height of the ground plane and of what stands before it, each (B, H, W).

    Args:
        x: the network's input.
        up: (B, 3) what it was told of gravity, LEVEL where it was not.
        maps: its maps.
        scalars: its scalars.
    """
    rays = torch.stack([x[:, 3], x[:, 4], torch.ones_like(x[:, 3])], -1)
    ground = -(rays * corrected(up, scalars)[:, None, None]).sum(-1)
    return -ground.clamp_min(LEAST_INVERSE).log(), maps[:, 0] + scalars[:, 0, None, None]


def log_depth(
    x: torch.Tensor, up: torch.Tensor, maps: torch.Tensor, scalars: torch.Tensor
) -> torch.Tensor:
    """Log of depth over camera height, (B, H, W): the nearer of `logs`, which says what the arguments are."""
    return torch.minimum(*logs(x, up, maps, scalars))
