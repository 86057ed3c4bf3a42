"""Photos: any readable file to upright pixels with the focal length its EXIF knows.

bytes ─► header (format, size, whole?) ─► decode ─► exif: turn upright, focal length ─► Photo
"""

from .photo import Photo, read

__all__ = ["Photo", "read"]
