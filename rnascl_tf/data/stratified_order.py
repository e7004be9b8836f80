"""An order of examples in which every beginning holds each class in proportion.

It depends on the examples' names alone, so it is the same on every machine and needs no seed.
"""

import hashlib


def stratified_order(names_of_classes):
    """Returns all examples in a shuffled order, each class spread evenly over it.

    The m examples of a class are sorted by a hash of their names; the r-th is put at a place within
    the r-th m-th part of the order, drawn from the hash too. So a share t of the order holds m * t
    examples of the class, to within one, and no step through it meets always the same classes.

    Args:
        names_of_classes: for every class, the names of its examples; each name occurs once.

    Returns:
        A list of (class index, name).
    """
    places = []
    for label, names in enumerate(names_of_classes):
        hashed = sorted((hashlib.sha256(name.encode()).digest(), name) for name in names)
        for rank, (digest, name) in enumerate(hashed):
            # Other bytes than those that decided the rank.
            jitter = int.from_bytes(digest[16:24], "big") / 2**64
            places.append(((rank + jitter) / len(names), label, name))
    return [(label, name) for _, label, name in sorted(places)]
