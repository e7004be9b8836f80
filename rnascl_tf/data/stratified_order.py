"""An order of examples in which every prefix holds each class in proportion.

It depends on the examples' names alone, so it is the same on every machine and needs no seed.
"""

import hashlib
from collections.abc import Sequence


def stratified_order(names_of_classes: Sequence[Sequence[str]]) -> list[tuple[int, str]]:
    """Returns all examples as (class index, name), shuffled, each class spread evenly.

    The m examples of a class are sorted by a hash of their names. The r-th is placed within the r-th
    of m equal parts of the order, where the hash decides too. So a fraction t of the order holds m * t
    examples of the class, to within one, and the classes do not follow each other in a fixed rhythm.

    Args:
        names_of_classes: for every class, the names of its examples; each name occurs once.
    """
    places = []
    for label, names in enumerate(names_of_classes):
        hashed = sorted((hashlib.sha256(name.encode()).digest(), name) for name in names)
        for rank, (digest, name) in enumerate(hashed):
            # Not the bytes that decided the rank.
            jitter = int.from_bytes(digest[16:24], "big") / 2**64
            places.append(((rank + jitter) / len(names), label, name))
    return [(label, name) for _, label, name in sorted(places)]
