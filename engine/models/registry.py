"""The models that are known by name: their purpose, size and usual error, and their licences.

Sizes and licences are those of the authors' own pages (huggingface.co/<hub_id>, and their
repositories where the page states none), November 2026. Usual errors are the mean relative errors
of the papers' zero-shot tables, rounded up.
"""

from dataclasses import dataclass
from typing import Literal

from ..errors import DepthError

# `model_type` of config.json; SHARP, which has no such file, by its name.
Family = Literal["depth_anything", "prompt_depth_anything", "zoedepth", "depth_pro", "sharp"]
Place = Literal["indoors", "outdoors", "anywhere"]
# A model gives a map of depth, from which splats are lifted, or the Gaussians themselves.
Output = Literal["depth", "gaussians"]

APACHE = "Apache-2.0"
MIT = "MIT"
NON_COMMERCIAL = "CC-BY-NC-4.0"
APPLE_RESEARCH = "Apple Machine Learning Research Model License"

_HUB = "https://huggingface.co"


@dataclass(frozen=True)
class ModelCard:
    """One model."""

    name: str  # as the command line and the panel call it
    title: str  # as people call it
    family: Family
    hub_id: str  # owner/name on huggingface.co
    megabytes: int  # of its files, decimal
    licence: str  # of the weights, as the authors state it
    commercial: bool  # true where that licence allows commercial work
    place: Place  # of the photos it was trained on
    good_for: str  # in a few words
    error: float  # usual relative error of its depth on photos that it was not trained on
    files: tuple[str, ...] = ("config.json", "preprocessor_config.json", "model.safetensors")
    gives: Output = "depth"
    page: str = ""  # of its authors, where its weights are not on huggingface.co

    @property
    def on_hub(self) -> bool:
        """True where huggingface.co hands out its files; else its authors do."""
        return not self.page


@dataclass(frozen=True)
class _Size:
    """One size of Depth Anything V2."""

    name: str
    megabytes: int
    licence: str
    commercial: bool
    error: float
    good_for: str


# Metric Depth Anything V2 was tuned on Hypersim (indoors) and Virtual KITTI 2 (outdoors): Yang et
# al. 2024, table 4.
_ANYTHING_SIZES = (
    _Size("small", 99, APACHE, True, 0.18, "fast, also without a graphics card"),
    _Size("base", 390, NON_COMMERCIAL, False, 0.16, "finer than small, three times slower"),
    _Size(
        name="large",
        megabytes=1340,
        licence=NON_COMMERCIAL,
        commercial=False,
        error=0.14,
        good_for="the finest edges of its family, ten times slower than small",
    ),
)
_ANYTHING_PLACES: dict[Place, str] = {
    "indoors": "rooms up to 20 m",
    "outdoors": "streets and landscapes up to 80 m",
}


def _depth_anything() -> list[ModelCard]:
    """Make a card for each size and each place."""
    cards = []
    for place, reach in _ANYTHING_PLACES.items():
        domain = place.removesuffix("s")
        for size in _ANYTHING_SIZES:
            repository = f"Depth-Anything-V2-Metric-{domain.title()}-{size.name.title()}-hf"
            card = ModelCard(
                name=f"depth-anything-v2-{domain}-{size.name}",
                title=f"Depth Anything V2 metric, {domain}, {size.name}",
                family="depth_anything",
                hub_id=f"depth-anything/{repository}",
                megabytes=size.megabytes,
                licence=size.licence,
                commercial=size.commercial,
                place=place,
                good_for=f"{reach}; {size.good_for}",
                error=size.error,
            )
            cards.append(card)
    return cards


_OTHERS = [
    ModelCard(
        name="zoedepth",
        title="ZoeDepth",
        family="zoedepth",
        hub_id="Intel/zoedepth-nyu-kitti",
        megabytes=1380,
        licence=MIT,
        commercial=True,
        place="anywhere",
        good_for="rooms and streets with one model; soft edges",
        error=0.20,
    ),
    ModelCard(
        name="depth-pro",
        title="Depth Pro",
        family="depth_pro",
        hub_id="apple/DepthPro-hf",
        megabytes=1900,
        licence=APPLE_RESEARCH,
        commercial=False,
        place="anywhere",
        good_for=(
            "the finest edges, hair and leaves; also tells the focal length; wants a graphics card"
        ),
        error=0.15,
    ),
    ModelCard(
        name="prompt-depth-anything-small",
        title="Prompt Depth Anything, small",
        family="prompt_depth_anything",
        hub_id="depth-anything/prompt-depth-anything-vits-hf",
        megabytes=100,
        licence=APACHE,
        commercial=True,
        place="anywhere",
        good_for="fine surfaces at the distances that the built-in estimate measures; fast",
        error=0.25,
    ),
    ModelCard(
        name="prompt-depth-anything-large",
        title="Prompt Depth Anything, large",
        family="prompt_depth_anything",
        hub_id="depth-anything/prompt-depth-anything-vitl-hf",
        megabytes=1360,
        licence=APACHE,
        commercial=True,
        place="anywhere",
        good_for=(
            "finer surfaces at the distances that the built-in estimate measures; "
            "ten times slower than small"
        ),
        error=0.25,
    ),
]

MODELS: dict[str, ModelCard] = {card.name: card for card in [*_depth_anything(), *_OTHERS]}

# It gives Gaussians through its authors' own package; its checkpoint is opened from where its user
# has put it.
SHARP = ModelCard(
    name="sharp",
    title="SHARP",
    family="sharp",
    hub_id="apple/Sharp",
    megabytes=2810,
    licence=APPLE_RESEARCH,
    commercial=False,
    place="anywhere",
    good_for=(
        "a whole scene of Gaussians, also behind edges; "
        "needs the package `sharp` from github.com/apple/ml-sharp"
    ),
    error=0.15,
    files=("sharp_2572gikvuh.pt",),
    gives="gaussians",
    page="https://github.com/apple/ml-sharp",
)


_CARDS = {**MODELS, SHARP.name: SHARP}


def card(name: str) -> ModelCard:
    """Return the depth model of that name.

    Raises:
        DepthError: there is none.
    """
    if name not in MODELS:
        names = ", ".join(_CARDS)
        raise DepthError(f'There is no depth source "{name}"; use builtin, or one of: {names}.')
    return MODELS[name]


def gives(name: str) -> Output:
    """Tell what the source of that name gives.

    The built-in estimate, "builtin", gives depth; so does an unknown name, which `card` refuses.
    """
    return _CARDS[name].gives if name in _CARDS else "depth"


def listing(card: ModelCard) -> dict[str, object]:
    """Return the facts that a person chooses by, in plain JSON."""
    return {
        "name": card.name,
        "title": card.title,
        "licence": card.licence,
        "commercial": card.commercial,
        "megabytes": card.megabytes,
        "place": card.place,
        "good_for": card.good_for,
        "page": f"{_HUB}/{card.hub_id}" if card.on_hub else card.page,
    }
