"""The eight classes, the Galaxy Zoo 2 question tree, and the classes that a partial label allows."""

from __future__ import annotations

from typing import Final

# Alphabetical, as in CosmoFormer, whose class numbers are kept.
CLASSES: Final = (
    "barred_spiral",
    "edge_on_disk",
    "featured_without_bar_or_spiral",
    "irregular",
    "smooth_cigar",
    "smooth_inbetween",
    "smooth_round",
    "unbarred_spiral",
)
NAMES: Final = tuple(name.replace("_", " ").title() for name in CLASSES)
INDEX: Final = {name: index for index, name in enumerate(CLASSES)}

# Catalogue labels that stand for several classes. A face-on featured galaxy may be any of the
# three featured classes; a smooth galaxy of unknown shape any of the three smooth classes.
PARTIAL: Final[dict[str, tuple[str, ...]]] = {
    "spiral_bar_unknown": ("barred_spiral", "unbarred_spiral"),
    "face_on_featured": ("barred_spiral", "unbarred_spiral", "featured_without_bar_or_spiral"),
    "smooth_unknown_shape": ("smooth_round", "smooth_inbetween", "smooth_cigar"),
}

# Galaxy Zoo 1's classes (Lintott et al. 2011, MNRAS 410, 166), and those of Galaxy Zoo 2 that they stand for: any
# smooth galaxy is elliptical, and a sense of winding needs arms. A merger, or a galaxy on which the volunteers did not
# agree, may be anything here, since no class of ours is about merging.
COARSE: Final[dict[str, tuple[str, ...]]] = {
    "elliptical": ("smooth_round", "smooth_inbetween", "smooth_cigar"),
    "spiral_clockwise": ("barred_spiral", "unbarred_spiral"),
    "spiral_anticlockwise": ("barred_spiral", "unbarred_spiral"),
    "edge_on": ("edge_on_disk",),
    "merger": CLASSES,
    "unknown": CLASSES,
}

# The kinds of label that training can leave out (samples.without), and their names in README.md.
KINDS: Final = {
    "partial": "classes known in part",
    "efigi": "EFIGI",
    "tree": "the question tree",
    "votes": "redrawn votes: the catalogue's class alone",
}

# Willett et al. (2013), MNRAS 435, 2835, table 2: question -> its answers, as the columns of the
# vote table.
QUESTIONS: Final[dict[str, tuple[str, ...]]] = {
    "smooth_or_features": ("Class1.1", "Class1.2", "Class1.3"),
    "edge_on": ("Class2.1", "Class2.2"),
    "bar": ("Class3.1", "Class3.2"),
    "spiral": ("Class4.1", "Class4.2"),
    "bulge": ("Class5.1", "Class5.2", "Class5.3", "Class5.4"),
    "odd": ("Class6.1", "Class6.2"),
    "roundness": ("Class7.1", "Class7.2", "Class7.3"),
    "odd_feature": ("Class8.1", "Class8.2", "Class8.3", "Class8.4", "Class8.5", "Class8.6", "Class8.7"),
    "bulge_shape": ("Class9.1", "Class9.2", "Class9.3"),
    "winding": ("Class10.1", "Class10.2", "Class10.3"),
    "arms": ("Class11.1", "Class11.2", "Class11.3", "Class11.4", "Class11.5", "Class11.6"),
}
ANSWERS: Final = tuple(answer for answers in QUESTIONS.values() for answer in answers)

# Class -> its path through the question tree, for readers of the card.
PATHS: Final = {
    "smooth_round": "smooth, completely round",
    "smooth_inbetween": "smooth, in between",
    "smooth_cigar": "smooth, cigar-shaped",
    "edge_on_disk": "features or disc, seen edge-on",
    "barred_spiral": "features or disc, face-on, spiral arms, a bar",
    "unbarred_spiral": "features or disc, face-on, spiral arms, no bar",
    "featured_without_bar_or_spiral": "features or disc, face-on, neither arms nor bar",
    "irregular": "no answer has the majority that the path asks for; not morphological irregularity",
}
