"""What may be trained instead of the whole method: the baseline and the ablations of section 5.6, by name."""

import re
from dataclasses import dataclass
from typing import Literal

from pipeline.errors import InputError


@dataclass(frozen=True)
class Variant:
    """One way to train, and which of its predictions its accuracy is of."""

    name: str
    local: bool = True  # l_loc is minimised; if not, the local classifiers stay as they were drawn
    object: bool = True  # l_obj is minimised
    attention: bool = True  # False: no local classifiers at all, spatial max pooling everywhere
    n_classifiers: int | None = None  # None: the recipe's
    predicts: Literal["loc", "obj", "avg"] = "avg"


OURS = Variant("ours")
BASELINE = Variant("baseline", local=False, attention=False, predicts="obj")
NAMED = {
    "ours": OURS,
    "baseline": BASELINE,  # section 5.3; also the object loss alone with a mask of ones, which is the same network
    "local": Variant("local", object=False, predicts="loc"),  # Table 5
    "object": Variant(
        "object", local=False, predicts="obj"
    ),  # Table 5, its mask being Otsu of classifiers never trained
}


def parse(name: str) -> Variant:
    """Return the variant of a name: one of NAMED, or n-<number of local classifiers>.

    >>> parse("n-4").n_classifiers
    4
    """
    if name in NAMED:
        return NAMED[name]
    if match := re.fullmatch(r"n-([1-9]\d*)", name):
        return Variant(name, n_classifiers=int(match[1]))
    raise InputError(f"variant {name!r}: unknown; there are {', '.join(NAMED)} and n-1, n-2, ... (local classifiers)")
