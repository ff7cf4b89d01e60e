"""One thread: PyTorch's threads wait for each other in a loop, which on a busy machine costs more than they bring."""

from __future__ import annotations

import torch

torch.set_num_threads(1)
