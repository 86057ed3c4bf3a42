"""Colour: the sRGB transfer function, open-ended above 1, and Rec.709's primaries.

Splat colours are sRGB-encoded and blended so (as in 3DGS); frames leave the renderer scene-linear.
"""

import numpy as np

# x, y of red, green, blue and white (ITU-R BT.709, D65), in the order of EXR's `chromaticities`.
REC709_CHROMATICITIES = (0.64, 0.33, 0.30, 0.60, 0.15, 0.06, 0.3127, 0.3290)

# Rec.709's luminance of linear red, green and blue.
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)

# The curve of IEC 61966-2-1, the sRGB standard: a line near black, a power beyond it.
# The encoded value where the line ends.
_ENCODED_KNEE = 0.04045
# The linear value there.
_LINEAR_KNEE = 0.0031308
# Of the line: encoded for each linear.
_SLOPE = 12.92
# Of the power's curve, encoded.
_OFFSET = 0.055
# Of the power, from encoded to linear.
_EXPONENT = 2.4


def decode_srgb(encoded: np.ndarray) -> np.ndarray:
    """Decode sRGB to scene-linear.

    Values above 1 continue on the same curve, negative ones on its line.

    Args:
        encoded: any shape, float.

    Returns:
        The same shape, float32.
    """
    encoded = np.asarray(encoded, np.float32)
    curve = (np.maximum(encoded, _ENCODED_KNEE) + _OFFSET) / (1 + _OFFSET)
    curve = curve ** np.float32(_EXPONENT)
    line = encoded / np.float32(_SLOPE)
    return np.where(encoded <= _ENCODED_KNEE, line, curve).astype(np.float32)


def encode_srgb(linear: np.ndarray) -> np.ndarray:
    """Encode scene-linear as sRGB, the inverse of `decode_srgb` for every value.

    Args:
        linear: any shape, float.

    Returns:
        The same shape, float32.
    """
    linear = np.asarray(linear, np.float32)
    curve = np.maximum(linear, _LINEAR_KNEE) ** np.float32(1 / _EXPONENT)
    curve = (1 + _OFFSET) * curve - _OFFSET
    line = linear * np.float32(_SLOPE)
    return np.where(linear <= _LINEAR_KNEE, line, curve).astype(np.float32)


def luminance(linear: np.ndarray) -> np.ndarray:
    """Compute the Rec.709 luminance of linear colours.

    Args:
        linear: (..., 3).

    Returns:
        (...), the same unit.
    """
    return linear @ _LUMINANCE
