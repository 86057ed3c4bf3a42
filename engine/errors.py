"""The errors that the engine raises on purpose, each with a sentence an artist understands."""


class AnchorStageError(Exception):
    """The base of all of them; its text is shown to the user as it is."""


class ImageError(AnchorStageError):
    """The photo cannot be read or is not usable."""


class DepthError(AnchorStageError):
    """No depth could be estimated with what is installed."""


class SplatError(AnchorStageError):
    """A splat file or record is not usable."""


class RenderError(AnchorStageError):
    """A view cannot be rendered."""


class KernelError(AnchorStageError):
    """The compiled kernels are missing or do not fit this machine."""


class SceneError(AnchorStageError):
    """A scene folder is missing, incomplete or damaged."""


class SchemaError(SceneError):
    """A scene was written by a newer AnchorStage."""


class OutputError(AnchorStageError):
    """A file or folder cannot be written."""


class ExportError(AnchorStageError):
    """An export cannot be made from this scene."""


class IncompleteError(ExportError):
    """A file ends before its pixels do, as on a disk that was full."""


class ArgumentError(AnchorStageError):
    """An option or argument has a value that makes no sense."""


class Cancelled(AnchorStageError):
    """The user cancelled the job."""

    def __init__(self, message: str = "Cancelled.") -> None:
        """Keep a default sentence, so that a stage can raise the class alone."""
        super().__init__(message)
