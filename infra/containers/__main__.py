"""`make images`: build the functions' images and print their sizes."""

from __future__ import annotations

import argparse
import json
import sys

from infra.containers import IMAGES, ImageError, build
from infra.containers.sizes import COMMITTED, measure


def main() -> None:
    """Build the chosen images and print their sizes; with --record, save them."""
    parser = argparse.ArgumentParser(prog="python -m infra.containers", description=__doc__)
    parser.add_argument(
        "images", nargs="*", choices=[*IMAGES, []], metavar="IMAGE", help=f"{', '.join(IMAGES)} (default: all)"
    )
    parser.add_argument("--record", action="store_true", help="save the sizes to infra/containers/sizes.json")
    chosen = parser.parse_args()
    if chosen.record and chosen.images:
        parser.error("--record saves the sizes of all images; do not name any")
    images = chosen.images or IMAGES
    try:
        for image in images:
            print(f"{image}: {build(image)}", flush=True)
        sizes = measure(images)
    except ImageError as error:
        sys.exit(str(error))
    for image, size in sizes["images"].items():
        print(f"{image}: {size['compressed_bytes'] / 1e6:.1f} MB compressed, {size['bytes'] / 1e6:.1f} MB unpacked")
    if chosen.record:
        COMMITTED.write_text(json.dumps(sizes, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
