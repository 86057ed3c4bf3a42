"""Blender's door to AnchorStage.

It imports nothing until Blender registers it, so that engine tests need no bpy.
"""


def register():
    """Called by Blender when the extension is enabled."""
    from . import anchorstage_addon

    anchorstage_addon.register()


def unregister():
    """Called by Blender when the extension is disabled and when Blender quits."""
    from . import anchorstage_addon

    anchorstage_addon.unregister()
