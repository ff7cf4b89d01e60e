"""Every limit of skysort, named once; the README's table is checked against this file."""

from __future__ import annotations

from typing import Final

MIB: Final = 1024 * 1024

# API Gateway and Lambda quotas (AWS: "Quotas for configuring and running a REST API"; "Lambda quotas").
GATEWAY_REQUEST_BYTES: Final = 10 * MIB
LAMBDA_PAYLOAD_BYTES: Final = 6 * MIB
GATEWAY_TIMEOUT_S: Final = 29.0

# Star rows in one HTTP request: 5,000 answers are about 1.5 MB, well inside the 6 MB Lambda payload.
STAR_ROWS_PER_REQUEST: Final = 5_000
# An explanation carries every feature's contribution for every class: about 1.5 kB a row.
STAR_EXPLAINED_ROWS_PER_REQUEST: Final = 500

# Characters of the name that a caller gives a row.
STAR_ID_CHARACTERS: Final = 200

# Answers kept for identical input, per sandbox.
CACHE_ENTRIES: Final = 1_000

# Dropped tables: CSV is streamed and has no size limit of ours beyond one line;
# the other formats pass through /tmp (FITS, Parquet) or memory (VOTable).
TABLE_LINE_BYTES: Final = 1 * MIB
TABLE_COLUMNS: Final = 2_000
FITS_BYTES: Final = 2_048 * MIB
PARQUET_BYTES: Final = 2_048 * MIB
VOTABLE_BYTES: Final = 128 * MIB
