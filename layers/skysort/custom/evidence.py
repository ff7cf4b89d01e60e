"""Where in a picture a head finds its evidence: exact class activation maps over both networks.

A head's score is a sum over blocks of features, and each pooled feature is a mean over the positions of the last map:
the mean itself, the deviation (of squared deviations, divided by it), the largest value (its position counts for all).
The image network's embedding is a projection of the mean, of which only what is positive counts: for one picture, sums
of means again. So the score of a class less the mean score of all classes, but for the biases, is the mean of a map,
exactly (Zhou et al. 2016, "Learning deep features for discriminative localization"). The networks see windows of the
picture of different sizes; in a common map each has its own mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image

from skysort.custom.networks import BLOCKS, GALAXY, GRAPH_TURNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from skysort.custom.head import Head
    from skysort.custom.networks import CustomPicture, Maps, Networks, Views
    from skysort.pictures.geometry import Box

METHOD: Final = "class activation map of the trained head, over the networks that it uses"
_SIDE: Final = 56  # of a common map: 8 cells for each position of the image network's 7


class Evidence:
    """Maps of a head's evidence. views: which the networks' maps are of."""

    def __init__(self, head: Head, networks: Networks, views: Views) -> None:
        self._head = head
        self._networks = networks
        self._views = views

    def frame(self, picture: CustomPicture, used: Iterable[str]) -> str:
        """The input, of those used, with the widest window of a picture: the frame of the common map."""
        windows = {name: self._window(picture, name) for name in used}
        return max(windows, key=lambda name: windows[name][2] - windows[name][0])

    def common(self, column: int, maps: Mapping[str, Maps], picture: CustomPicture) -> NDArray[np.float32]:
        """The evidence for a class over the widest window.

        Parameters
        ----------
        column
            The class.
        maps
            Of the inputs that the head uses.
        picture
            The picture, whose windows they are of.

        Returns
        -------
        (h, w); its mean is the class's score less the mean of all scores, without the biases.
        """
        left, upper, right, lower = self._window(picture, self.frame(picture, maps))
        common = np.zeros((_SIDE, _SIDE), np.float32)
        for name, of_input in maps.items():
            found = self.of_input(column, name, of_input)
            box = self._window(picture, name)
            rows, columns = _cells(box[1], box[3], upper, lower), _cells(box[0], box[2], left, right)
            size = columns.stop - columns.start, rows.stop - rows.start
            part = np.asarray(Image.fromarray(found).resize(size, Image.Resampling.BILINEAR))
            # Interpolation changes the mean a little, and a smaller window's mean counts for its part of the frame.
            common[rows, columns] += (part + (found.mean() - part.mean())) * (common.size / part.size)
        return common

    def of_input(self, column: int, name: str, maps: Maps) -> NDArray[np.float32]:
        """(h, w) evidence of one input, upright, averaged over its views."""
        total = np.zeros(maps.features.shape[2:], np.float32)
        inner_turns = range(GRAPH_TURNS) if name == GALAXY else range(1)
        shown = [(turn + inner, mirrored) for turn, mirrored in self._views.turns(name) for inner in inner_turns]
        for block, _ in self._head.blocks:
            if BLOCKS[block].input != name:
                continue
            weights = self._head.block(block)
            weight = weights[column] - weights.mean(axis=0)
            for number, (turn, mirrored) in enumerate(shown):
                of_map = weight
                if BLOCKS[block].embedded:
                    of_map = self._networks.projection @ (weight * (maps.embedding[number] > 0))
                seen = np.rot90(BLOCKS[block].locate(maps.features[number], of_map), -turn)
                total += seen[:, ::-1] if mirrored else seen
        return total / np.float32(len(shown))

    def _window(self, picture: CustomPicture, name: str) -> Box:
        seen = picture.inputs[name]
        return self._networks.specs[name].window(seen.width, seen.height)


def _cells(start: float, end: float, low: float, high: float) -> slice:
    """The cells of the common map from start to end, on one axis of the frame from low to high."""
    scale = _SIDE / (high - low)
    first = min(max(0, round((start - low) * scale)), _SIDE - 1)
    return slice(first, max(first + 1, min(_SIDE, round((end - low) * scale))))
