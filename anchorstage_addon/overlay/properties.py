"""The overlay's settings, kept on each Blender scene."""

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty

# Drawn while the view moves: what integrated graphics keep above 15 frames a second, and what software OpenGL can bear.
MOVING_SPLATS = 300_000


def redraw(_self: object, _context: object) -> None:
    """Asks every 3D viewport of every window for a redraw."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


class AnchorStageOverlay(bpy.types.PropertyGroup):
    """What the viewport shows of the splats, and how."""

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
            ("CONFIDENCE", "Confidence", "Green above 0.8, yellow from 0.5 to 0.8, red below"),
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
        description="Splats drawn while the view moves; all of them follow when it rests. Software OpenGL draws fewer",
        default=MOVING_SPLATS,
        min=1_000,
        max=16_000_000,
        update=redraw,
    )


def register() -> None:
    """Adds the settings to scenes."""
    bpy.utils.register_class(AnchorStageOverlay)
    bpy.types.Scene.anchorstage_overlay = PointerProperty(type=AnchorStageOverlay)


def unregister() -> None:
    """Takes the settings away."""
    del bpy.types.Scene.anchorstage_overlay
    bpy.utils.unregister_class(AnchorStageOverlay)
