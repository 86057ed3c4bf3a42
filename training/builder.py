"""The parts that all scenes are built of: slots of solids, colours, and places about the camera."""

from typing import NamedTuple

import torch

from . import things
from .draw import Draw
from .raycast import BALL, Solids

_ABSENT = 1e-3  # metres: the half size of a part that is absent, so that nothing divides by 0
_ELBOW_ROOM = 0.5  # metres between the camera and the nearest thing


class Room(NamedTuple):
    """A room in the camera's axes, before it is turned about the camera."""

    centre: torch.Tensor  # (B, 3) metres
    half: torch.Tensor  # (B, 3) half sizes, metres


class _Slots(NamedTuple):
    """Slots of one kind; all but the first have the scenes as first axis, the slots as second."""

    kinds: torch.Tensor
    centre: torch.Tensor
    half: torch.Tensor
    turn: torch.Tensor
    owner: torch.Tensor
    there: torch.Tensor
    ragged: torch.Tensor
    material: torch.Tensor
    paint: torch.Tensor


class Builder:
    """A collector of slots; each call adds as many as the second axis of its arguments has."""

    def __init__(self, draw: Draw) -> None:
        """Begin with no slots; `draw` is of the batch."""
        self.draw = draw
        self._added: list[_Slots] = []

    def add(
        self,
        kind: int,
        centre: torch.Tensor,
        half: torch.Tensor,
        angle: torch.Tensor,
        owner: torch.Tensor,
        material: torch.Tensor,
        paint: torch.Tensor,
        there: torch.Tensor,
    ) -> None:
        """Add slots of one kind of solid.

        Args:
            kind: of `raycast`.
            centre: (B, S, 3) metres.
            half: (B, S, 3) half sizes, metres.
            angle: (B, S) radians about z.
            owner: (S,).
            material: (B, S) of `things`.
            paint: (B, S, 3).
            there: (B, S) bool.
        """
        count, slots = there.shape
        turn = torch.stack([angle.cos(), angle.sin()], dim=-1)
        ragged = torch.zeros_like(angle)
        if kind == BALL:
            # crowns and shrubs: each uneven in its own way, some hardly
            ragged = (material == things.LEAVES) * self.draw.uniform(0.1, 1, slots)
        self._added.append(
            _Slots(
                kinds=torch.full((slots,), kind, device=there.device),
                centre=centre,
                half=half.clamp_min(_ABSENT),
                turn=turn.expand(count, slots, 2),
                owner=owner.expand(count, -1),
                there=there,
                ragged=ragged.expand(count, -1),
                material=material,
                paint=paint,
            )
        )

    def build(self) -> tuple[Solids, torch.Tensor, torch.Tensor]:
        """Return the solids, their materials (B, P) and their paints (B, P, 3)."""
        kinds, *columns = zip(*self._added, strict=True)
        *fields, material, paint = (torch.cat(column, dim=1) for column in columns)
        return Solids(torch.cat(kinds), *fields), material, paint


def turned(place: torch.Tensor, angle: torch.Tensor) -> torch.Tensor:
    """Rotate points (B, S, 3) about z by angles (B,)."""
    cosine = angle.cos()[:, None]
    sine = angle.sin()[:, None]
    x, y, z = place.unbind(-1)
    return torch.stack(
        [
            x * cosine - y * sine,
            x * sine + y * cosine,
            z,
        ],
        dim=-1,
    )


def is_clear(place: torch.Tensor, reach: torch.Tensor) -> torch.Tensor:
    """Return True for things of radius `reach` that keep off the camera, (B, S) bool."""
    distance = place[..., :2].norm(dim=-1)
    return distance > reach + _ELBOW_ROOM


def paints(draw: Draw, slots: int, low: float = 0.12, high: float = 0.9) -> torch.Tensor:
    """Draw colours of walls and things, (B, S, 3): a grey with some hue; a third nearly white."""
    is_white = draw.chance(0.33, slots, 1)
    white = draw.uniform(0.7, 0.98, slots, 1)
    grey = draw.uniform(low, high, slots, 1)
    grey = torch.where(is_white, white, grey)
    hue = draw.normal(0, 1, slots, 3) * draw.uniform(0, 0.22, slots, 1)
    return (grey * (1 + hue)).clamp(0.02, 1)


def of_leaves(material: torch.Tensor) -> torch.Tensor:
    """Return the mask of leaves, with an axis for colours."""
    return (material == things.LEAVES)[..., None]
