"""A stage by its name and configuration outside the code: `-c config=stages.toml`, or single settings as `-c mail=`.

The file has a table for each stage, ``[stages.NAME]``, which names what differs from a stage of deployments.py, by
`base`. `python -m infra.stages.config --describe` prints every setting with its type and value, as such a file.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from typing import TYPE_CHECKING, Any, Final

from infra import ROOT
from infra.stages.deployments import AWS_STAGES, STAGES
from infra.stages.describe import describe
from infra.stages.functions import StageError
from infra.stages.overrides import changed, choose, choose_setting
from infra.stages.stage import AwsStage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Settings of the table itself: the stage that it starts from, and whether any concurrency is reserved.
BASE: Final = "base"
RESERVE: Final = "reserve"
_SWITCHES: Final = {"yes": True, "true": True, "no": False, "false": False}
# Settings that have a short form, `-c mail=sky@example.org`: where they stand in a stage's table.
_SHORT: Final[Mapping[str, tuple[str, ...]]] = {
    "account": ("account",),
    "region": ("region",),
    "mail": ("operations", "alarms", "mail"),
    BASE: (BASE,),
}
_SHORT_SWITCHES: Final = ("small", "page", RESERVE)
# What else `-c` takes: the stage, the file, the functions' endpoint for templates of one machine (infra/app.py), and
# from the deploy command the stacks that are not protected yet.
_OTHERS: Final = ("stage", "config", "endpoint", "unprotected")


def stage(name: str, context: Mapping[str, Any] | None = None) -> AwsStage:
    """The settings of a stage in AWS.

    Parameters
    ----------
    name
        dev, prod, or one that the configuration has.
    context
        CDK's context, or that of a command line (`add_context`).

    Returns
    -------
    AwsStage
        Every value checked.

    Raises
    ------
    StageError
        For an unknown stage, a setting that does not exist, or one that AWS would refuse.
    """
    return _stage(name, context or {})[1]


def _stage(name: str, context: Mapping[str, Any]) -> tuple[str, AwsStage]:
    """The name of a stage's base, and the stage."""
    for key in context:
        # CDK has its own keys, with colons, slashes or hyphens.
        if key.replace("_", "").isalpha():
            choose(key, (*_SHORT, *_SHORT_SWITCHES, *_OTHERS), "unknown setting -c")
    file = _of_file(name, context)
    table = _merged(file, _short_forms(context))
    base = table.pop(BASE, name)
    if not isinstance(base, str) or base not in AWS_STAGES:
        known = ", ".join(AWS_STAGES)
        if base == name:
            raise StageError(
                f"unknown stage {name!r}; choose from {known}, or give it a base, such as -c base=dev, or a table in "
                "a configuration (-c config=PATH)"
            )
        raise StageError(f"stages.{name}.base must be one of {known} (got {base!r})")
    if name in STAGES and name != base:
        raise StageError(f"stages.{name} has {base} as its base: give the stage a name of its own")
    start = AWS_STAGES[base](name)
    where = f"stages.{name}"
    if context.get("mail") and start.operations.alarms is None and "alarms" not in file.get("operations", {}):
        raise StageError(
            f"stage {name} has no alarms, so -c mail would notify nobody: leave it out, or give the stage alarms, "
            f"[{where}.operations.alarms], in its configuration"
        )
    if not _switch(table.pop(RESERVE, True), f"{where}.{RESERVE}"):
        start = start.without_reservations()
    if table.get("small") is True:
        start = start.for_small_account()
    for key in table:
        choose_setting(key, AwsStage, where, (BASE, RESERVE, "name"))
    return base, changed(start, table, where)


def add_context(parser: argparse.ArgumentParser) -> None:
    """Add CDK's option `-c KEY=VALUE` to a command's; dict(parsed.context) is what `stage` takes."""
    parser.add_argument(
        "-c", "--context", action="append", default=[], type=_setting, metavar="KEY=VALUE", help="CDK context"
    )


def _setting(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"must read KEY=VALUE (got {text!r})")
    return key, value


def _of_file(name: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """The table of a stage in the configuration file; empty without a file."""
    if not context.get("config"):
        return {}
    # From the project's folder, wherever the CDK command line runs the app.
    path = ROOT / context["config"]
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StageError(f"the configuration {path} cannot be read: {error}") from None
    for key in document:
        choose(key, ("stages",), f"{path}: unknown table")
    tables = document.get("stages", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise StageError(f"{path}: stages must be tables, [stages.NAME]")
    choose(name, tables, f"{path} has no stage")
    return dict(tables[name])


def _short_forms(context: Mapping[str, Any]) -> dict[str, Any]:
    """The table of what the command line sets by short forms."""
    table: dict[str, Any] = {}
    for key, path in _SHORT.items():
        if context.get(key) is not None:
            value = str(context[key])
            inner: Any = value.split(",") if key == "mail" else value
            for part in reversed(path):
                inner = {part: inner}
            table = _merged(table, inner)
    for key in _SHORT_SWITCHES:
        if context.get(key) is not None:
            table[key] = _switch(context[key], f"-c {key}")
    return table


def _switch(value: Any, where: str) -> bool:
    found = value if isinstance(value, bool) else _SWITCHES.get(value)
    if found is None:
        raise StageError(f"{where} must be yes or no (got {value!r})")
    return found


def _merged(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Two tables as one; of a value in both, the second's."""
    both = dict(first)
    for key, value in second.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both


def main(arguments: Sequence[str]) -> int:
    """Print the settings of a stage; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m infra.stages.config", description=__doc__, allow_abbrev=False)
    parser.add_argument("--describe", action="store_true", required=True, help="print every setting, as TOML")
    parser.add_argument("--stage", default="dev", help="of this stage (default: dev)")
    add_context(parser)
    options = parser.parse_args(arguments)
    try:
        base, found = _stage(options.stage, dict(options.context))
    except StageError as error:
        parser.error(str(error))
    sys.stdout.write(describe(found, base))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
