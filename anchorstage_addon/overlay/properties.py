"""The overlay's settings, kept on each Blender scene."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty

from .confidence import GUESSED, TRUSTED

# Splats drawn while the view moves: integrated graphics keep above 15 frames a second with them.
MOVING_SPLATS = 300_000

_CONFIDENCE_HELP = f"Green above {TRUSTED}, yellow from {GUESSED} to {TRUSTED}, red below"


def redraw(_self: object, _context: object) -> None:
    """Ask every 3D viewport of every window for a redraw."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


class AnchorStageOverlay(bpy.types.PropertyGroup):
    """The settings of how the viewports show the splats."""

    enabled: BoolProperty(
        name="Overlay",
        description="Draw the scene's splats in the 3D viewports",
        default=True,
        update=redraw,
    )
    mode: EnumProperty(
        name="Show",
        description="What the splats' colours say",
        items=[
            ("COLOR", "Color", "The photo's colours"),
            ("REGIONS", "Regions", "One colour for each region"),
            ("CONFIDENCE", "Confidence", _CONFIDENCE_HELP),
        ],
        default="COLOR",
        update=redraw,
    )
    opacity: FloatProperty(
        name="Opacity",
        description="Of the whole overlay",
        default=1.0,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
        update=redraw,
    )
    size: FloatProperty(
        name="Size",
        description="Factor on the splats' sizes; 1 is how they render",
        default=1.0,
        min=0.05,
        max=4.0,
        update=redraw,
    )
    moving_splats: IntProperty(
        name="While Moving",
        description=(
            "Splats drawn while the view moves; all of them follow when it rests. "
            "Software OpenGL draws fewer"
        ),
        default=MOVING_SPLATS,
        min=1_000,
        max=16_000_000,
        update=redraw,
    )


_register_classes, _unregister_classes = bpy.utils.register_classes_factory((AnchorStageOverlay,))


def register() -> None:
    """Add the settings to scenes."""
    _register_classes()
    bpy.types.Scene.anchorstage_overlay = PointerProperty(type=AnchorStageOverlay)


def unregister() -> None:
    """Take the settings away."""
    del bpy.types.Scene.anchorstage_overlay
    _unregister_classes()
