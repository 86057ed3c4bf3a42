"""Pictures that no depth estimate can be sure of, drawn small for tests; and one that it can."""

import cv2
import numpy as np
from lifted_scenes import photograph

WIDTH, HEIGHT = 240, 160


def street() -> np.ndarray:
    """(H, W, 3) 0..1: an ordinary photo."""
    return photograph("street").colours


def sideways() -> np.ndarray:
    """Turned by 90 degrees, and no EXIF tells."""
    return np.rot90(street()).copy()


def fisheye() -> np.ndarray:
    """The street through an extreme lens: a circle in black."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    x, y = (columns - WIDTH / 2) / (HEIGHT / 2), (rows - HEIGHT / 2) / (HEIGHT / 2)
    radius = np.hypot(x, y)
    stretched = np.tan(np.clip(radius, 0, 1) * 1.25) / np.maximum(radius, 1e-6) * 0.35
    source = WIDTH / 2 + x * stretched * WIDTH / 2, HEIGHT / 2 + y * stretched * HEIGHT / 2
    picture = cv2.remap(
        street(), source[0].astype(np.float32), source[1].astype(np.float32), cv2.INTER_LINEAR
    )
    return np.where(radius[..., None] < 1, picture, 0)


def telephoto() -> np.ndarray:
    """A sixteenth of the street, enlarged: a window of a facade."""
    return cv2.resize(street()[60:70, 30:45], (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(
        0, 1
    )


def portrait() -> np.ndarray:
    """A face and shoulders before a plain backdrop, upright."""
    picture = np.full((WIDTH, HEIGHT, 3), 0.55, np.float32)
    cv2.ellipse(picture, (80, 230), (70, 80), 0, 0, 360, (0.15, 0.2, 0.35), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (80, 105), (38, 50), 0, 0, 360, (0.85, 0.65, 0.55), -1, cv2.LINE_AA)
    cv2.ellipse(picture, (80, 70), (40, 28), 0, 180, 360, (0.2, 0.12, 0.08), -1, cv2.LINE_AA)
    for eye in (66, 94):
        cv2.circle(picture, (eye, 100), 4, (0.1, 0.1, 0.1), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (3, 3), 0)


def document() -> np.ndarray:
    """Lines of print on white paper, seen from above."""
    picture = np.full((WIDTH, HEIGHT, 3), 0.97, np.float32)
    rng = np.random.default_rng(3)
    for row in range(20, 220, 9):
        for column in range(15, 140, 6):
            if rng.random() < 0.8:
                picture[row : row + 5, column : column + 4] = rng.uniform(0.05, 0.3)
    return picture


def anime() -> np.ndarray:
    """Flat colours with black outlines, no perspective."""
    picture = np.full((HEIGHT, WIDTH, 3), (0.55, 0.8, 1.0), np.float32)
    shapes = (
        ((60, 90), (50, 60), (1.0, 0.8, 0.7)),
        ((60, 60), (60, 40), (0.9, 0.3, 0.6)),
        ((180, 120), (40, 50), (0.4, 0.9, 0.5)),
    )
    for centre, axes, colour in shapes:
        cv2.ellipse(picture, centre, axes, 15, 0, 360, colour, -1)
        cv2.ellipse(picture, centre, axes, 15, 0, 360, (0.05, 0.05, 0.1), 2)
    return picture


def fog() -> np.ndarray:
    """Grey, hardly changing from top to bottom, with a camera's noise."""
    ramp = np.linspace(0.72, 0.64, HEIGHT, dtype=np.float32)[:, None, None]
    noise = np.random.default_rng(1).normal(0, 0.004, (HEIGHT, WIDTH, 1)).astype(np.float32)
    return np.broadcast_to(ramp + noise, (HEIGHT, WIDTH, 3)).copy()


def noise() -> np.ndarray:
    """A pixel tells nothing of the next."""
    return np.random.default_rng(2).uniform(0, 1, (HEIGHT, WIDTH, 3)).astype(np.float32)


def white() -> np.ndarray:
    """An overexposed wall."""
    return np.ones((HEIGHT, WIDTH, 3), np.float32)


def night() -> np.ndarray:
    """Black, with a few lights."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    for x, y in ((30, 60), (100, 80), (170, 66), (220, 90)):
        cv2.circle(picture, (x, y), 3, (1, 0.9, 0.6), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (5, 5), 0)


HARD = {
    make.__name__: make
    for make in (sideways, fisheye, telephoto, portrait, document, anime, fog, noise, white, night)
}
NOTHING = ("fog", "noise", "white")  # in these nothing can be measured at all
