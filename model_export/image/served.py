"""What is exported: pixels in; calibrated probabilities, activation map and embedding out."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor


class Served(nn.Module):
    """The whole of what a request needs, in one graph.

    The standard deviation of the pixels is folded into the first kernel and the temperature into the
    classifier; the mean is subtracted, since folding it would be wrong at the zero-padded rim.
    """

    def __init__(self, network: nn.Module, temperature: float = 1.0) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval()
        self.register_buffer("mean", torch.tensor(network.mean).view(1, 3, 1, 1))
        with torch.no_grad():
            self.network.stem_convolution().weight.div_(torch.tensor(network.std).view(1, 3, 1, 1))
        # Both matrices lie as the activation map multiplies them, so that the file holds each once.
        self.register_buffer("projection", network.projection.weight.detach().t().contiguous())
        self.register_buffer("classifier", (network.classifier.weight.detach() / temperature).t().contiguous())
        self.register_buffer("bias", network.classifier.bias.detach() / temperature)

    def forward(self, image: Tensor, explain: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(n, h, w, 3) uint8 and (k,) int64 class numbers -> probabilities, activation and embedding.

        probabilities: (n, classes), calibrated. embedding: (n, 1280). activation: (n, k, h/32, w/32), a map for each
        class that is asked for. All classes' maps would cost as much as half the network, and ONNX Runtime computes
        an output whether it is fetched or not; with no class asked for the maps cost nothing.

        The maps are exact: both activations of these heads are a gate times their input, so with the picture's
        own gate the logit is a sum over places. The mean of a map is the class's (tempered) logit less what the
        biases add.
        """
        features = self.network.features(image.permute(0, 3, 1, 2).to(torch.float32) - self.mean)
        projected = features.mean(dim=(2, 3)) @ self.projection + self.network.projection.bias
        gate = self.network.gate(projected)
        embedding = gate * projected
        probabilities = torch.softmax(embedding @ self.classifier + self.bias, dim=1)
        asked = gate.unsqueeze(1) * self.classifier.index_select(1, explain).t()
        weights = functional.linear(asked.flatten(0, 1), self.projection).unflatten(0, asked.shape[:2])
        activation = (weights @ features.flatten(2)).unflatten(2, features.shape[2:])
        return probabilities, activation, embedding
