#!/usr/bin/env bash
# Build the base image of the functions if the public one cannot be pulled: the same Debian and Python, from Debian's
# packages, with this machine's certificates, so that pip inside a build trusts the same authorities.
#
#   infra/containers/base.sh TAG
set -euo pipefail
tag=${1:?"name the image's tag, e.g. skysort/base:3.13"}
certificates=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

command -v mmdebstrap >/dev/null || { echo "make base-image needs mmdebstrap: apt-get install mmdebstrap" >&2; exit 1; }
[[ -r $certificates ]] || { echo "certificate bundle $certificates not found; set SSL_CERT_FILE" >&2; exit 1; }

# Fixed timestamps, for reproducible builds.
export SOURCE_DATE_EPOCH=315532800
mmdebstrap --quiet --variant=minbase --include=python3,python3-pip,ca-certificates \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
  --customize-hook="upload '$certificates' /etc/ssl/certs/ca-certificates.crt" \
  trixie - | docker import --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin' - "$tag" >/dev/null
echo "$tag: $(docker run --rm "$tag" python3 -V)"
