"""Every limit of skysort, named once; the README's table is checked against this file."""

from __future__ import annotations

from typing import Final

MIB: Final = 1024 * 1024

# API Gateway and Lambda quotas (AWS: "Quotas for configuring and running a REST API"; "Lambda quotas").
GATEWAY_REQUEST_BYTES: Final = 10 * MIB
LAMBDA_PAYLOAD_BYTES: Final = 6 * MIB
GATEWAY_TIMEOUT_S: Final = 29.0

# JSON bodies: no valid request is nested deeper, or has more names per object than a wide catalogue has columns.
JSON_DEPTH: Final = 32
JSON_FIELDS: Final = 2_000
JSON_OBJECTS: Final = 100_000

# A problem document: number of listed field errors, characters of a name and of a detail; and characters of all
# details and field errors in an answer whose every item has a problem.
PROBLEM_FIELDS: Final = 50
PROBLEM_NAME_CHARACTERS: Final = 60
PROBLEM_DETAIL_CHARACTERS: Final = 1_000
PROBLEMS_CHARACTERS: Final = 2_000_000

# Star rows in one HTTP request: 5,000 answers are about 1.5 MB, well inside the 6 MB Lambda payload.
STAR_ROWS_PER_REQUEST: Final = 5_000
# An explanation carries every feature's contribution for every class: about 1.5 kB a row. Exact Shapley values of
# the photometric booster take 5 ms a row on one slow core: 1.5 s for these.
STAR_EXPLAINED_ROWS_PER_REQUEST: Final = 300

# A longer cell of a table is not a number: 17 digits and an exponent are enough for any.
CELL_CHARACTERS: Final = 64
# Column names: longer ones are not compared; this many unknown ones are checked for misspellings.
COLUMN_NAME_CHARACTERS: Final = 60
GUESSED_COLUMNS: Final = 100
# Names in all rows of a request that are checked, if each row has its own.
GUESSED_NAMES_PER_REQUEST: Final = 10_000

# Characters of a row's id.
STAR_ID_CHARACTERS: Final = 200

# Answers kept for identical input, per sandbox.
CACHE_ENTRIES: Final = 1_000

# Seconds for a dropped file, from its start to its result. With the time reserved for tidying up (a tenth of the
# function's 900 s) this leaves an invocation 30 s to start its first file.
DROP_FILE_S: Final = 780
# A dropped file that is delivered for the third time may have killed its function twice: from then on it runs alone, in
# a process of its own with this share of the function's memory. The rest is for the function itself, with its model
# and what earlier files left on its heap.
DROP_ALONE_RECEIVES: Final = 3
DROP_ALONE_MEMORY_SHARE: Final = 0.75
# Longest delay until a failed message is delivered again; the first is a second, and each next one twice as long.
DROP_RETRY_S: Final = 900

# Dropped tables: CSV is streamed and has no size limit except per line, only the time limit above;
# the other formats pass through /tmp (FITS, Parquet) or memory (VOTable).
TABLE_LINE_BYTES: Final = 1 * MIB
# Lines above a CSV's header: VizieR and ECSV write some hundred.
CSV_PREAMBLE_BYTES: Final = 1 * MIB
CSV_PREAMBLE_LINES: Final = 10_000
TABLE_COLUMNS: Final = 2_000
# The header of an ECSV or IPAC table.
TEXT_HEADER_BYTES: Final = 4 * MIB
# One row of a FITS table with all its arrays: memory holds about four copies.
FITS_ROW_BYTES: Final = 64 * MIB
FITS_BYTES: Final = 2_048 * MIB
PARQUET_BYTES: Final = 2_048 * MIB
# A Parquet table, unpacked in memory: its footer (Arrow makes some ten times as much of it), a page and a dictionary
# of every column, the rows of a batch (up to seven copies of them), and the lists of a row group (two copies).
PARQUET_FOOTER_BYTES: Final = 16 * MIB
PARQUET_PAGE_BYTES: Final = 768 * MIB
PARQUET_BATCH_BYTES: Final = 128 * MIB
PARQUET_LIST_BYTES: Final = 256 * MIB
# Their headers are read one by one, some 20,000 per second; pages have 8 KiB at least, mostly 1 MiB.
PARQUET_PAGES: Final = 500_000
VOTABLE_BYTES: Final = 128 * MIB
VOTABLE_TAG_BYTES: Final = 1 * MIB
VOTABLE_DEPTH: Final = 100
# The columns of each are read, some 10,000 tables per second; VizieR writes one per catalogue, hundreds at most.
VOTABLE_TABLES: Final = 10_000
# 2,000 columns with a dozen keywords each, and comments.
FITS_TABLE_CARDS: Final = 50_000
FITS_EXTENSIONS: Final = 10_000
# Blocked gzip (bgzip) has a member for every 64 KiB; 1,000,000 of them are more than can be classified in time.
GZIP_MEMBERS: Final = 1_000_000
# Photometry packs three- to fivefold; rows that repeat each other pack better, up to deflate's 1,032-fold. Beyond the
# first 200 MiB a larger ratio is an attack.
GZIP_RATIO: Final = 200

# S3 allows keys of 1,024 bytes; a result's key is the file's with a suffix of at most 13 characters.
DROP_KEY_BYTES: Final = 1_000

# Pictures. The cost of decoding, in seconds of one slow core and in memory, is estimated from the bytes before they are
# decoded (skysort.pictures.formats.prices). A dropped picture has ten seconds; a request two, for all its pictures
# together, and with the function's 200 MB and the fetched pictures it stays below 1 GiB.
IMAGE_BYTES: Final = 64 * MIB
PICTURE_WORK_S: Final = 10
REQUEST_WORK_S: Final = 2
PICTURE_MEMORY_BYTES: Final = 640 * MIB
IMAGE_PIXELS: Final = 50_000_000
# JPEG is decoded at a fraction of its size.
JPEG_PIXELS: Final = 120_000_000
# Measurements (FITS, 32-bit TIFF) are processed as 64-bit numbers, up to about 40 bytes per pixel.
MEASURED_PIXELS: Final = 16_000_000
# Cameras and encoders write 1 to about 15 scans; every scan costs a pass over all pixels.
JPEG_SCANS: Final = 40
# Parts of a picture's file that are skipped one by one. Cameras write a few dozen segments; a PNG of 64 MiB in
# pieces of 8 KiB, as the usual library writes them, has 8,192; a GIF's blocks are 255 bytes.
JPEG_SEGMENTS: Final = 5_000
PNG_CHUNKS: Final = 50_000
GIF_BLOCKS: Final = 300_000
TIFF_ENTRIES: Final = 4_096
TIFF_PARTS: Final = 65_536
# Boxes, items, references and coded units of a HEIC or AVIF picture; a telephone's of 48 megapixels has 192 tiles.
HEIF_PARTS: Final = 20_000
HEIF_TILES: Final = 1_024
# An embedded colour profile: those of printing presses, the largest in use, take up to about 3 MB.
PROFILE_BYTES: Final = 4 * MIB
# A FITS cutout's bands, unpacked where it is gzipped.
FITS_IMAGE_BYTES: Final = 128 * MIB
# Members of a gzipped cutout: bgzip writes one for every 64 KiB.
FITS_GZIP_MEMBERS: Final = 4_096
# Cards of all headers up to the image: a mosaic's sixty extensions have some 30,000, read in 0.1 s.
FITS_HEADER_CARDS: Final = 50_000
# Tiles of a compressed FITS image, decoded one by one; survey images have one per row.
FITS_TILES: Final = 65_536

# Forms: pictures and options, with percent-encoded names as long as file systems allow.
FORM_PARTS: Final = 64
FORM_PART_HEADER_BYTES: Final = 16 * 1024

# Pictures of one request: 6 MB of them, decoded and classified, take a few seconds at worst.
IMAGES_PER_REQUEST: Final = 32
IMAGE_ID_CHARACTERS: Final = 200
# Of pictures that a request names by s3_key; they are in memory together, beside what decoding needs.
IMAGE_FETCHED_BYTES_PER_REQUEST: Final = 128 * MIB

# Dropped archives of pictures: fetched to /tmp, unpacked in memory member by member.
ARCHIVE_BYTES: Final = 2_048 * MIB
ARCHIVE_MEMBERS: Final = 10_000
ARCHIVE_EXPANDED_BYTES: Final = 4_096 * MIB
# Refused members named in an archive's own record; its table has a line for each.
ARCHIVE_REFUSALS_LISTED: Final = 100
# Pictures hardly compress; a hundredfold expansion is an attack.
ARCHIVE_RATIO: Final = 100
# Archive headers that must fit in memory: a zip's directory, a tar member's extended header.
ARCHIVE_DIRECTORY_BYTES: Final = 4 * MIB
# Bytes of dropped pictures queued in memory.
DROP_WAITING_BYTES: Final = 256 * MIB

# Uploads by presigned requests. A form takes a file in one request; larger files go in parts, which can be sent
# again one by one. With a role's session token a form is about 4.5 kB and a part's URL 2.5 kB of the answer, so that
# this many fit the 6 MB Lambda payload.
UPLOAD_FILES_PER_REQUEST: Final = 500
UPLOAD_FORM_BYTES: Final = 16 * MIB
UPLOAD_PART_BYTES: Final = 16 * MIB
UPLOAD_PARTS_PER_REQUEST: Final = 1_000
UPLOAD_BYTES: Final = 16 * 1024 * MIB
# Uploads in parts started by one call: each is a request to S3 at the service's expense. 256 MiB of files in parts,
# which the command line and the page request at once, are never more.
UPLOAD_STARTS_PER_REQUEST: Final = 16
# How long presigned requests and links are valid, for whoever holds one.
PRESIGNED_S: Final = 900
BATCH_NAME_CHARACTERS: Final = 100

# A batch's status: files and records counted in one answer, and files listed per page.
BATCH_FILES: Final = 10_000
BATCH_RECORDS: Final = 50_000
# Records that are read to tell whether they are of the last upload, where that was one in parts.
BATCH_LOOKUPS: Final = 500
BATCH_FILES_PER_PAGE: Final = 500
# JSON bytes of the listed files, and bytes read of a file's record. With quotes escaped and links signed by a role's
# session token the answer fits the 6 MB Lambda payload.
BATCH_STATUS_BYTES: Final = 3 * MIB
BATCH_RECORD_BYTES: Final = 1 * MIB
# Rows of one page of a batch's merged CSV.
BATCH_CSV_ROWS: Final = 10_000
BATCH_CSV_BYTES: Final = 3 * MIB
# Classified tables with their rejected rows that are merged; larger ones are referenced by their result file.
BATCH_CSV_TABLE_BYTES: Final = 16 * MIB

# Trainings: classes, examples of a class, and examples of pictures and tables. A shard of pictures is one task of the
# features step.
TRAINING_CLASSES_MIN: Final = 2
TRAINING_CLASSES: Final = 100
TRAINING_PICTURES_PER_CLASS_MIN: Final = 5
TRAINING_PICTURES: Final = 5_000
# Pictures of a training up to which their mirror images are further examples: they cost as much time as the pictures,
# and more pictures have less use for them.
TRAINING_MIRRORED: Final = 2_000
# Shorter side, in pixels, up to which a picture is shown to the image network in a smaller input too: at 32 it helps
# much, at 48 still, at 64 no more.
TRAINING_SMALL_SIDE: Final = 48
TRAINING_ROWS_PER_CLASS_MIN: Final = 20
TRAINING_ROWS: Final = 200_000
# Columns that the options of a training name: memory holds up to twice TRAINING_ROWS rows of them, copied once.
TRAINING_COLUMNS: Final = 100
TRAINING_SHARD: Final = 64
# Bytes of a shard, but for a single larger picture, and of all pictures; files that are listed, pictures or not.
TRAINING_SHARD_BYTES: Final = 64 * MIB
TRAINING_BYTES: Final = 4_096 * MIB
TRAINING_FILES: Final = 20_000
# Seconds that a training of a star model fits its boosters, and that a search of its hyperparameters takes for each.
STAR_FIT_S: Final = 600
STAR_SEARCH_S: Final = 60
# Refused files that a training names; the rest are counted.
TRAINING_REFUSALS_LISTED: Final = 100
# Trainings of one owner that wait or run: each may take minutes of several functions.
TRAININGS_RUNNING: Final = 3
TRAININGS_LISTED: Final = 100
# Seconds after which a training whose status stands still counts as dead: longer than any step with its retries.
TRAINING_SILENT_S: Final = 3_600
TRAINING_BODY_BYTES: Final = 64 * 1024

# Bulk jobs. Parts are documents that one listing counts and one Distributed Map runs; rows are of all its tables.
BULK_PARTS: Final = 10_000
BULK_ROWS: Final = 2_000_000_000
BULK_PICTURES: Final = 10_000_000
# Files that a call names itself; a prefix or a manifest names more.
BULK_KEYS: Final = 1_000
# S3 keys have up to 1,024 bytes, names of buckets 63 characters.
BULK_SOURCE_CHARACTERS: Final = 1_100
BULK_COLUMNS: Final = 50
BULK_CONCURRENCY: Final = 1_000
BULK_TOLERATED_SHARE: Final = 0.05
BULK_BODY_BYTES: Final = 2 * MIB
# A table that is read from its beginning to its end by one part: VOTable, ECSV, IPAC, gzip in one member.
BULK_UNSPLIT_BYTES: Final = 1_024 * MIB
# Bytes of a table's part, and pictures and bytes of theirs.
BULK_PART_BYTES: Final = 64 * MIB
BULK_PART_BYTES_MIN: Final = 4 * MIB
BULK_PART_PICTURES: Final = 1_000
BULK_PART_PICTURE_BYTES: Final = 256 * MIB
# A tar of pictures, whose headers are all read to split it; the directory of a zip has some 100 bytes a member.
BULK_TAR_BYTES: Final = 16 * 1024 * MIB
BULK_DIRECTORY_BYTES: Final = 128 * MIB
# Seconds that the sample of the source is classified for the plan.
BULK_PROBE_S: Final = 5
# Lines of slices that lie in one object.
BULK_SLICES_BYTES: Final = 8 * MIB
BULK_JOBS_RUNNING: Final = 3
BULK_JOBS_LISTED: Final = 100
# Runs of one job: the first and its resumptions.
BULK_RUNS: Final = 100
# Documents of parts that one call about a job reads; the sums of earlier ones are kept.
BULK_COUNTS_READ: Final = 200
# Seconds after which a job of which nothing is heard counts as dead: longer than any part with its retries.
BULK_SILENT_S: Final = 3_600
# Refused sources that a plan names, and failures that a summary names; the rest are counted.
BULK_REFUSALS_LISTED: Final = 100
BULK_FAILURES_LISTED: Final = 100
BULK_FILES_PER_PAGE: Final = 500
# A manifest of a caller, unpacked: a line for every file; and its files of which it does not say the size and ETag,
# which are looked up one by one.
BULK_MANIFEST_BYTES: Final = 4_096 * MIB
BULK_LOOKUPS: Final = 500_000
# Files of a job of tables, be they tables or not: the planner looks into each.
BULK_TABLES: Final = 100_000

# Trained models of one owner, and versions of one model.
TRAINED_MODELS: Final = 100
MODEL_VERSIONS: Final = 50
POINTER_HISTORY: Final = 100
MODEL_NAME_CHARACTERS: Final = 40
LABEL_CHARACTERS: Final = 60
# Shortest prefix that names a version.
VERSION_PREFIX_DIGITS: Final = 8
# The file of a trained picture model's head.
HEAD_FILE_BYTES: Final = 2 * MIB
# Side of a training picture's thumbnail, in pixels.
THUMBNAIL: Final = 64
# Held-out examples that two versions must share to be compared; and the share of them by which a version may be worse
# as measured, even if its interval cannot exclude that it is not.
PROMOTION_EXAMPLES_MIN: Final = 10
PROMOTION_LOSS: Final = 0.05
