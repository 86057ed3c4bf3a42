"""Photos: any readable file becomes upright pixels with the focal length that its EXIF tells.

bytes ─► file_header (format, size, whole?) ─► decode ─► exif: turn upright, focal length ─► Photo
"""

from .photo import Photo, read

__all__ = ["Photo", "read"]
