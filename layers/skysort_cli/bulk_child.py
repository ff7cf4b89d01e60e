"""The steps of a process of this machine, for its children: each imports this module by its path."""

from __future__ import annotations

import os

from skysort_cli.bulk_worker import Order, part_steps

steps = part_steps(Order.of_environment(os.environ))
