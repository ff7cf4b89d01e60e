"""Models that people train: their keys, immutable versions, and the pointer that says which version is live."""
