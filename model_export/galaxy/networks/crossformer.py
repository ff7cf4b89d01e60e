"""CrossFormer with the widths and depths of CosmoFormer.

Implements Wang et al. (2022), "CrossFormer: a versatile vision transformer hinging on cross-scale
attention".

Each stage embeds its input with parallel kernels of several sizes, then alternates short-distance
attention (neighbouring positions) with long-distance attention (positions a fixed distance apart).
Both have windows of the same size, with a learned bias over relative positions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import Tensor

WIDTHS: Final = (32, 64, 128, 256)
DEPTHS: Final = (2, 2, 4, 2)
KERNELS: Final = ((4, 8, 16, 32), (2, 4), (2, 4), (2, 4))
STRIDES: Final = (4, 2, 2, 2)
HEAD: Final = 32
WINDOW: Final = 4  # at 128 px; CosmoFormer has 7 at 224 px, the same share of the feature map
EXPANSION: Final = 4


class CrossScaleEmbedding(nn.Module):
    """Kernels of several sizes with the same stride; each larger kernel has half as many channels."""

    def __init__(self, inputs: int, outputs: int, kernels: tuple[int, ...], stride: int) -> None:
        super().__init__()
        shares = [outputs // 2 ** (index + 1) for index in range(len(kernels) - 1)]
        shares.append(outputs - sum(shares))
        self.convs = nn.ModuleList(
            nn.Conv2d(inputs, share, kernel, stride, (kernel - stride) // 2)
            for kernel, share in zip(kernels, shares, strict=True)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, inputs, h, w) -> (n, outputs, h / stride, w / stride)."""
        return torch.cat([conv(x) for conv in self.convs], dim=1)


class PositionBias(nn.Module):
    """A small network from a relative position to a scalar bias; independent of the input, so export folds it."""

    def __init__(self, width: int, window: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(2, width), nn.LayerNorm(width), nn.ReLU(),
            nn.Linear(width, width), nn.LayerNorm(width), nn.ReLU(),
            nn.Linear(width, width), nn.LayerNorm(width), nn.ReLU(),
            nn.Linear(width, 1),
        )  # fmt: skip
        steps = torch.arange(window)
        positions = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1).reshape(-1, 2)
        offsets = positions[:, None] - positions[None, :] + window - 1
        self.register_buffer("index", offsets[..., 0] * (2 * window - 1) + offsets[..., 1], persistent=False)
        span = torch.arange(1 - window, window, dtype=torch.float32)
        grid = torch.stack(torch.meshgrid(span, span, indexing="ij"), dim=-1).reshape(-1, 2)
        self.register_buffer("grid", grid, persistent=False)

    def forward(self) -> Tensor:
        """(window^2, window^2) bias between positions."""
        bias: Tensor = self.layers(self.grid).squeeze(-1)[self.index]
        return bias


class Attention(nn.Module):
    """Self-attention within windows of neighbouring (or, if distant, of evenly spaced) positions."""

    def __init__(self, width: int, window: int, *, distant: bool) -> None:
        super().__init__()
        self.window, self.distant, self.heads = window, distant, width // HEAD
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.bias = PositionBias(width // 4, window)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(n, h, w, width) -> (n, h, w, width), h and w multiples of the window."""
        count, height, width, channels = x.shape
        size = self.window
        rows, columns = height // size, width // size
        if self.distant:
            tiles = x.view(count, size, rows, size, columns, channels).permute(0, 2, 4, 1, 3, 5)
        else:
            tiles = x.view(count, rows, size, columns, size, channels).permute(0, 1, 3, 2, 4, 5)
        tokens = self.norm(tiles.reshape(count * rows * columns, size * size, channels))
        q, k, v = self.qkv(tokens).view(len(tokens), size * size, 3, self.heads, HEAD).permute(2, 0, 3, 1, 4)
        # Written out so that the exported graph consists of plain matrix products.
        attention = torch.softmax(q @ k.transpose(2, 3) * HEAD**-0.5 + self.bias(), dim=-1)
        output: Tensor = self.out((attention.to(v.dtype) @ v).transpose(1, 2).reshape(tokens.shape))
        output = output.view(count, rows, columns, size, size, channels)
        order = (0, 3, 1, 4, 2, 5) if self.distant else (0, 1, 3, 2, 4, 5)
        return output.permute(order).reshape(count, height, width, channels)


class Block(nn.Module):
    """Attention and a feed-forward layer, each with a residual connection."""

    def __init__(self, width: int, window: int, *, distant: bool) -> None:
        super().__init__()
        self.attention = Attention(width, window, distant=distant)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, EXPANSION * width), nn.GELU(), nn.Linear(EXPANSION * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(n, h, w, width) -> (n, h, w, width)."""
        x = x + self.attention(x)
        residual: Tensor = self.feed_forward(x)
        return x + residual


class CrossFormer(nn.Module):
    """Four stages; each layer has a short-distance and a long-distance attention block."""

    def __init__(self, window: int = WINDOW) -> None:
        super().__init__()
        self.width = WIDTHS[-1]
        self.embeddings = nn.ModuleList()
        self.stages = nn.ModuleList()
        inputs = 3
        for outputs, depth, kernels, stride in zip(WIDTHS, DEPTHS, KERNELS, STRIDES, strict=True):
            self.embeddings.append(CrossScaleEmbedding(inputs, outputs, kernels, stride))
            blocks = [Block(outputs, window, distant=distant) for _ in range(depth) for distant in (False, True)]
            self.stages.append(nn.Sequential(*blocks))
            inputs = outputs

    def forward(self, images: Tensor) -> Tensor:
        """(n, 3, h, w) in -1 to 1, h and w multiples of 32 windows -> (n, 256, h / 32, w / 32)."""
        x = images
        for embed, stage in zip(self.embeddings, self.stages, strict=True):
            x = stage(embed(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return x
