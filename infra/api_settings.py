"""What a stage says of its HTTP API: who may call, how often, and what the gateway passes on.

What API Gateway would refuse is refused here with a sentence: building the object is the check.
"""

from __future__ import annotations

from typing import Final

# What the gateway hands to a function base64-encoded. Never */*: JSON would arrive encoded too.
BINARY_MEDIA_TYPES: Final = (
    "image/*",
    "multipart/form-data",
    "application/octet-stream",
    "application/fits",
    "application/gzip",
    "application/x-gzip",
    "application/zip",
    "application/vnd.apache.parquet",
)
