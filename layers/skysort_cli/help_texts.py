"""What the help of each command says: descriptions, examples, environment."""

from __future__ import annotations

from typing import Final

from skysort_cli.exits import EXPLAINED, Exit

SERVICE: Final = """\
environment:
  SKYSORT_ENDPOINT  the service's address, where --endpoint is not given
  SKYSORT_API_KEY   its API key; never on the command line, where others see it
  NO_COLOR          no colours"""
HERE: Final = """\
  SKYSORT_MODELS_FOLDER
                    where models trained without a service are kept (default:
                    skysort/models in XDG_DATA_HOME)"""

DESCRIPTION: Final = """\
Classify galaxies, photographs and stars: here, on a local stack, or on a
deployed service."""
_FIRST: Final = """\
examples:
  skysort classify galaxy cutouts/                   every picture of a folder
  skysort classify star stars.csv --out classes.csv  every row of a table
  skysort drop galaxy survey/ --wait --out all.csv   thousands, resumable
  skysort train pictures breeds photos/ --wait       a classifier of your own
  skysort serve                                      the service, here"""
SHORT: Final = f"""\
{DESCRIPTION}

{_FIRST}

`skysort --help` lists the commands, `skysort COMMAND --help` their options.
"""
EXAMPLES: Final = f"""\
{_FIRST}
  skysort classify custom/breeds new/*.jpg           and its answers
  skysort bulk star survey.csv --out classified/     a table of any size
  skysort models galaxy                              what a model is, how good
  skysort trainings                                  what became of each
  skysort open                                       the page, in the browser
  skysort doctor                                     what is missing here

`skysort COMMAND --help` has the options of each and more examples."""

CLASSIFY: Final = f"""\
examples:
  skysort classify galaxy m51.jpg m87.fits
  skysort classify galaxy cutouts/ --explain-to maps/     a heat map of each
  skysort classify image 'photos/**/*.jpg' --labels dogs --top-k 3
  skysort classify image *.jpg --format jsonl | jq .predictions[0].label
  skysort classify star sdss.fits --out classes.parquet
  skysort classify star sdss.fits --out classified.fits --keep-columns
  skysort classify star sdss.fits --prior GALAXY:0.9,QSO:0.001,STAR:0.099
  skysort classify star sdss.fits --prior estimated       by the table itself
  curl -s https://example.org/m51.jpg | skysort classify galaxy -
  skysort classify star new.csv --endpoint http://127.0.0.1:8000
  skysort classify custom/breeds new/*.jpg                a model of yours
  skysort classify star --model variables night.csv       the same as
                                                          custom-star/variables

On a terminal the answer is a table, in a pipe JSON Lines. --out takes its
format from the file's name: .csv, .jsonl, .parquet, .vot or .ecsv.

Pictures are JPEG, PNG, WebP, TIFF, GIF, HEIC, AVIF and FITS; tables are CSV,
FITS, VOTable, Parquet, ECSV and IPAC, gzipped or not, over HTTP CSV alone.
Larger sets go through `skysort drop`. A directory is searched for files whose
names end in these formats' suffixes, and skipped files are reported; a file
that you name is tried whatever its name.

Probabilities hold for the class shares of the training data; --prior
re-weights them by those of your survey. Each class needs its share, in any
unit; with --labels, each of those. Prediction sets stay as they are: they
cover each class by itself.

{SERVICE}

{EXPLAINED}"""

DROP: Final = f"""\
examples:
  skysort drop galaxy survey/ --wait --out classes.csv
  skysort drop star big.parquet --batch night-7          upload and leave
  skysort drop star big.parquet --batch night-7 --wait   fetch the results
  skysort drop star nights/*.fits --wait --results-dir classified/
  skysort drop custom/breeds album/ --wait               a model of yours
  skysort drop image album.zip --endpoint https://sky.example.org --wait

Files go into the drop folder of the service and are classified there, whatever
their size. An interrupted drop is resumed by the same command: what was
uploaded is not uploaded again.

The results are a line a picture, a member of an archive, or a row of a CSV
table. A table that is not a CSV, a gzipped one and a CSV above 16 MiB stay
whole: they come classified, in their own format with columns appended, into
--results-dir; their line in the output names the file (result_file), a second
one that of the rows that were refused.

A directory is searched for files whose names end in these formats' suffixes,
and skipped files are reported; a file that you name is tried whatever its name.

{SERVICE}

{EXPLAINED}"""

MODELS_USAGE: Final = """skysort models [NAME] [options]
       skysort models promote NAME VERSION [--force] [options]
       skysort models rollback NAME [VERSION] [options]
       skysort models delete NAME [VERSION] [--yes] [options]"""
MODELS_HELP: Final = f"""\
examples:
  skysort models
  skysort models galaxy
  skysort models image --format json | jq .metrics.accuracy
  skysort models breeds                    a model of yours: card and versions
  skysort models promote breeds 3f2a9c0d   make it live unless it is worse
  skysort models promote breeds 3f2a9c0d --force
                                           even if it is; that is recorded
  skysort models rollback breeds           the version that was live before
  skysort models delete breeds 3f2a9c0d    a version that is not live
  skysort models delete breeds --yes       all versions, without being asked

A version is named by the first 8 or more characters of its hash. A model called
promote, rollback or delete is named custom/promote.

{SERVICE}
{HERE}"""

BULK_USAGE: Final = """skysort bulk MODEL SOURCE... --out FOLDER [options]
       skysort bulk MODEL SOURCE... --endpoint URL [--plan | --wait] [options]
       skysort bulk [--job ID | --resume ID | --cancel ID] [--endpoint URL]"""
BULK: Final = f"""\
examples:
  skysort bulk star gaia.csv --out classified/     here, a process a core
  skysort bulk star nights/*.fits --out classified/ --output csv --columns night
  skysort bulk galaxy cutouts.zip --out shapes/ --workers 4
  skysort bulk star gaia.csv --plan                parts, seconds and dollars
  skysort bulk star s3://survey/dr9/ --plan --endpoint URL
  skysort bulk star s3://survey/dr9/ --wait --endpoint URL
  skysort bulk galaxy cutouts/ --wait --endpoint URL
                                                   upload and classify a folder
  skysort bulk image incoming/bulk/list.txt --manifest --endpoint URL
  skysort bulk --resume star-20261128-084500-1a2b3c --wait
                                                   start a planned job, or go on
  skysort bulk --cancel star-20261128-084500-1a2b3c
  skysort bulk                                     the service's newest jobs

A job splits its files into parts, classifies each row or picture exactly once,
and writes a result file for each part. Parts that were done are not done again:
a job that was interrupted goes on where it stopped, with the same command here
and with --resume on a service. Rows that cannot be classified are written
beside the results with their reasons. A job in which their share is larger than
--tolerated-share fails; its results stay.

{SERVICE}

exit status:
  0    every row was classified
  1    some rows or files were not; the reasons are beside the results
  2    the command line or the source is wrong, or too many rows were rejected
  3    the service cannot be reached, rejects the key, keeps failing, or the job
       failed or did not end in time
  4    a package or a model is missing on this machine; see skysort doctor
  5    the results cannot be written
  130  interrupted with Ctrl-C"""

TRAIN: Final = """\
examples:
  skysort train pictures breeds ~/photos/breeds --wait
  skysort train star variables catalogue.csv --class-column type --wait

`skysort train pictures --help` and `skysort train star --help` have the options
and more examples."""

_TRAINED: Final = f"""\
With --wait, and always in process, the command shows each phase and ends with a
report: how good the model is on examples that it was not fitted to, what could
not be used and why, whether the new version is live, and the next command. A
version goes live if it is the first of its name or not worse than the live one
on the same examples.

{SERVICE}
{HERE}

exit status:
  0    the model is trained
  1    it is trained without some of the files; each is named with its reason
  2    the command line or the training set is wrong, such as a single class
  3    the service cannot be reached, rejects the key, keeps failing, or the
       training failed or did not end in time
  4    a package or a model is missing on this machine; see skysort doctor
  5    the results cannot be written
  130  interrupted with Ctrl-C"""
TRAIN_PICTURES: Final = f"""\
examples:
  skysort train pictures breeds ~/photos/breeds --wait   breeds/poodle, ...
  skysort train pictures breeds breeds.zip               upload and leave
  skysort train pictures rings cutouts/ --no-promote     look at it first, then
                                                         skysort models promote

The folder is checked before anything is uploaded: 2 to 100 folders, each named
after its class, with at least 5 pictures. Files that are no pictures are
skipped and reported. An interrupted upload is resumed by the same command.

{_TRAINED}"""
TRAIN_STAR: Final = f"""\
examples:
  skysort train star classes sdss.csv --wait     ugriz and a column named class
  skysort train star variables lcs.parquet --class-column type --wait
  skysort train star quasars cat.fits --columns g=gPSFMag,W1=w1mpro \\
    --bands g,r,i,z,W1,W2 --search --wait

{_TRAINED}"""
TRAININGS: Final = f"""\
examples:
  skysort trainings                                   the newest ones
  skysort trainings pictures-20261128-084500-1a2b3c   phase, or report
  skysort trainings pictures-20261128-084500-1a2b3c --wait

{SERVICE}
{HERE}"""

SERVE: Final = """\
examples:
  skysort serve
  skysort serve --port 8080 --s3-port 0   another port, and any free one for S3
  skysort serve --stage prod --verbose    sizes and limits of another stage, and
                                          a line an invocation

It is what `make run` starts. Ctrl-C stops everything."""

OPEN: Final = f"""\
examples:
  skysort open                                the service that runs here
  skysort open docs                           its API, with examples to try
  skysort open --endpoint https://sky.example.org

Without a browser, as over ssh, the address is printed.

{SERVICE}"""

COMPLETION: Final = """\
examples:
  eval "$(skysort completion bash)"           in ~/.bashrc
  eval "$(skysort completion zsh)"            in ~/.zshrc, after compinit
  skysort completion fish > ~/.config/fish/completions/skysort.fish

The script completes commands, options, models, formats and files. It starts no
Python; print it again after an update."""

DOCTOR: Final = f"""\
examples:
  skysort doctor
  skysort doctor --endpoint https://sky.example.org
  skysort doctor --format json

exit status: 0 where everything that classifying needs is there, {Exit.MISSING:d} where
something is missing, {Exit.SERVICE:d} where the service does not answer as it should. What is
only needed to develop skysort is shown and not counted.

{SERVICE}"""
