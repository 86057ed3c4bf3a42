"""The place of all our panels: the tab AnchorStage in the 3D viewport's sidebar."""


class Sidebar:
    """A mix-in for panels."""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "AnchorStage"
