"""The models that are known by name: their use, their size, and what their authors allow.

Sizes and licences are those of the authors' own pages (huggingface.co/<hub_id>, and their
repositories where the page states none), November 2026. Typical errors are the mean relative errors
of the papers' zero-shot tables, rounded up.
"""

from dataclasses import dataclass
from typing import Literal

from ..errors import DepthError

Family = Literal[
    "depth_anything", "prompt_depth_anything", "zoedepth", "depth_pro", "sharp"
]  # `model_type` of config.json
Place = Literal["indoors", "outdoors", "anywhere"]

APACHE, MIT = "Apache-2.0", "MIT"
NON_COMMERCIAL = "CC-BY-NC-4.0"
APPLE_RESEARCH = "Apple Machine Learning Research Model License"


@dataclass(frozen=True)
class ModelCard:
    """One model."""

    name: str  # as the command line and the panel call it
    title: str  # as people call it
    family: Family
    hub_id: str  # owner/name on huggingface.co
    megabytes: int  # of its files, decimal
    licence: str  # of the weights, as the authors state it
    commercial: bool  # whether that licence allows commercial work
    place: Place  # what it was trained for
    good_for: str  # in a few words
    error: float  # relative error of its depth that is usual on photos it was not trained on
    files: tuple[str, ...] = ("config.json", "preprocessor_config.json", "model.safetensors")


# Metric Depth Anything V2 was tuned on Hypersim (indoors) and Virtual KITTI 2 (outdoors): Yang et
# al. 2024, table 4.
_ANYTHING_SIZES = {
    # size: megabytes, licence, commercial, usual error, what for
    "small": (99, APACHE, True, 0.18, "fast, also without a graphics card"),
    "base": (390, NON_COMMERCIAL, False, 0.16, "finer than small, three times slower"),
    "large": (
        1340,
        NON_COMMERCIAL,
        False,
        0.14,
        "the finest edges of its family, ten times slower than small",
    ),
}
_ANYTHING_PLACES: dict[Place, str] = {
    "indoors": "rooms up to 20 m",
    "outdoors": "streets and landscapes up to 80 m",
}


def _depth_anything() -> list[ModelCard]:
    cards = []
    for place, reach in _ANYTHING_PLACES.items():
        domain = place.removesuffix("s")
        for size, (megabytes, licence, commercial, error, what) in _ANYTHING_SIZES.items():
            hub = f"depth-anything/Depth-Anything-V2-Metric-{domain.title()}-{size.title()}-hf"
            title = f"Depth Anything V2 metric, {domain}, {size}"
            name, good_for = f"depth-anything-v2-{domain}-{size}", f"{reach}; {what}"
            cards.append(
                ModelCard(
                    name,
                    title,
                    "depth_anything",
                    hub,
                    megabytes,
                    licence,
                    commercial,
                    place,
                    good_for,
                    error,
                )
            )
    return cards


_OTHERS = [
    ModelCard(
        "zoedepth",
        "ZoeDepth",
        "zoedepth",
        "Intel/zoedepth-nyu-kitti",
        1380,
        MIT,
        True,
        "anywhere",
        "rooms and streets with one model; soft edges",
        0.20,
    ),
    ModelCard(
        "depth-pro",
        "Depth Pro",
        "depth_pro",
        "apple/DepthPro-hf",
        1900,
        APPLE_RESEARCH,
        False,
        "anywhere",
        "the finest edges, hair and leaves; also tells the focal length; wants a graphics card",
        0.15,
    ),
    ModelCard(
        "prompt-depth-anything-small",
        "Prompt Depth Anything, small",
        "prompt_depth_anything",
        "depth-anything/prompt-depth-anything-vits-hf",
        100,
        APACHE,
        True,
        "anywhere",
        "fine surfaces at the distances that the built-in estimate measures; fast",
        0.25,
    ),
    ModelCard(
        "prompt-depth-anything-large",
        "Prompt Depth Anything, large",
        "prompt_depth_anything",
        "depth-anything/prompt-depth-anything-vitl-hf",
        1360,
        APACHE,
        True,
        "anywhere",
        "finer surfaces at the distances that the built-in estimate measures; "
        "ten times slower than small",
        0.25,
    ),
]

MODELS: dict[str, ModelCard] = {card.name: card for card in [*_depth_anything(), *_OTHERS]}

# Gives Gaussians, not depth, through its authors' own package; its checkpoint is opened from where
# its user has put it.
SHARP = ModelCard(
    "sharp",
    "SHARP",
    "sharp",
    "apple/Sharp",
    2810,
    APPLE_RESEARCH,
    False,
    "anywhere",
    "a whole scene of Gaussians, also behind edges; "
    "needs the package `sharp` from github.com/apple/ml-sharp",
    0.15,
    ("sharp_2572gikvuh.pt",),
)


def card(name: str) -> ModelCard:
    """The model of that name.

    Raises:
        DepthError: there is none.
    """
    if name not in MODELS:
        raise DepthError(
            f'There is no depth source "{name}"; use builtin, or one of: '
            f"{', '.join([*MODELS, SHARP.name])}."
        )
    return MODELS[name]


def listing(card: ModelCard) -> dict[str, object]:
    """Return what a person chooses by, in plain JSON."""
    return {
        "name": card.name,
        "title": card.title,
        "licence": card.licence,
        "commercial": card.commercial,
        "megabytes": card.megabytes,
        "place": card.place,
        "good_for": card.good_for,
        "page": f"https://huggingface.co/{card.hub_id}"
        if card.family != "sharp"
        else "https://github.com/apple/ml-sharp",
    }
