"""What happened last, in one sentence: shown in the panel until dismissed, and as a popup where it is an error."""

from dataclasses import dataclass

import bpy


@dataclass(frozen=True)
class Message:
    """A sentence for the artist."""

    text: str
    is_error: bool = False


_last: Message | None = None
_LINE = 46  # characters that fit a narrow sidebar


def last() -> Message | None:
    """The message to show, if any."""
    return _last


def tell(text: str, is_error: bool = False) -> None:
    """Keep a sentence for the panel; an error also pops up, so that it is seen where the panel is closed."""
    global _last
    _last = Message(text, is_error)
    manager = bpy.context.window_manager
    if is_error and not bpy.app.background and manager.windows:
        with bpy.context.temp_override(window=bpy.context.window or manager.windows[0]):
            manager.popup_menu(lambda menu, _context: wrapped(menu.layout, text), title="AnchorStage", icon="ERROR")


def dismiss() -> None:
    """Forget the message."""
    global _last
    _last = None


def wrapped(layout: bpy.types.UILayout, text: str, icon: str = "NONE") -> None:
    """Draw a sentence over as many lines as a narrow sidebar needs."""
    column = layout.column(align=True)
    line = ""
    first = True
    for word in [*text.split(), ""]:
        if word and len(line) + len(word) < _LINE:
            line = f"{line} {word}".strip()
            continue
        if line:
            column.label(text=line, icon=icon if first else ("BLANK1" if icon != "NONE" else "NONE"))
            first = False
        line = word


class ANCHORSTAGE_OT_dismiss(bpy.types.Operator):
    """Hide this message"""

    bl_idname = "anchorstage.dismiss"
    bl_label = "Dismiss"
    bl_options = {"INTERNAL"}

    def execute(self, _context: bpy.types.Context) -> set[str]:
        dismiss()
        return {"FINISHED"}


def register() -> None:
    """Register the operator."""
    bpy.utils.register_class(ANCHORSTAGE_OT_dismiss)


def unregister() -> None:
    """Undo `register`."""
    dismiss()
    bpy.utils.unregister_class(ANCHORSTAGE_OT_dismiss)
