"""`make images`: build the functions' images and show what each weighs."""

from __future__ import annotations

import argparse
import json
import sys

from infra.containers import TARGETS, ImageError, build
from infra.containers.sizes import COMMITTED, measure


def main() -> None:
    """Build the targets that were asked for, print their sizes; with --record, keep them."""
    parser = argparse.ArgumentParser(prog="python -m infra.containers", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], help="what to build (default: all)")
    parser.add_argument("--record", action="store_true", help="keep the sizes in infra/containers/sizes.json")
    chosen = parser.parse_args()
    if chosen.record and chosen.targets:
        parser.error("--record keeps the sizes of all images together; name no target")
    targets = chosen.targets or TARGETS
    try:
        for target in targets:
            print(f"{target}: {build(target)}", flush=True)
        sizes = measure(targets)
    except ImageError as error:
        sys.exit(str(error))
    for target, size in sizes["images"].items():
        print(f"{target}: {size['compressed_bytes'] / 1e6:.1f} MB compressed, {size['bytes'] / 1e6:.1f} MB unpacked")
    if chosen.record:
        COMMITTED.write_text(json.dumps(sizes, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
