"""How the C library's heap deals with bodies of megabytes."""

from __future__ import annotations

from typing import Final

from skysort import limits

# Below the 32 MiB above which glibc adapts no more; twice as much, which it then keeps, holds the largest body, its
# base64 and what they are joined from.
BLOCK_BYTES: Final = 2 * limits.GATEWAY_REQUEST_BYTES


def keep_freed_blocks() -> None:
    """Have this process keep what a request's large blocks took, and not hand it back to the kernel.

    It would take them back page by page at the next request: 1,800 page faults, 3 ms, for a picture of 1.6 MB.
    glibc keeps blocks up to the size of the largest that was mapped and freed (mallopt(3), "dynamic mmap
    threshold"); where the C library does not, this does nothing.
    """
    bytearray(BLOCK_BYTES)
