"""`skysort models`: list the models, show the card of one, and choose the live version of a trained one."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from skysort.models import MODELS
from skysort_cli.classifiers import checked_name, plain_name
from skysort_cli.endpoint import find_endpoint
from skysort_cli.exits import Exit, UsageError
from skysort_cli.registry_access import opened_registry, refusals
from skysort_cli.terminal import console, is_terminal, printable, say
from skysort_cli.training_output import wants_json

if TYPE_CHECKING:
    import argparse

    from skysort_cli.registries import Document, Registry

_PROMOTE: Final = "promote"
_ROLLBACK: Final = "rollback"
_DELETE: Final = "delete"
# The number of versions that each takes.
_ACTIONS: Final = {_PROMOTE: (1, 1), _ROLLBACK: (0, 1), _DELETE: (0, 1)}


class _Wanted(NamedTuple):
    """What the words of the command line ask for: to list, to show a model, or to change it."""

    action: str | None = None
    name: str | None = None
    version: str | None = None


def run(options: argparse.Namespace) -> int:
    """List the models, show or change one; returns the exit status."""
    endpoint = find_endpoint(options.endpoint, os.environ, in_process=options.in_process)
    wanted = _wanted(options)
    with opened_registry(endpoint, options.timeout) as (registry, _), refusals():
        if wanted.name is None:
            _list(options, registry)
        elif wanted.action is None:
            _show(options, registry, wanted.name)
        elif wanted.action == _DELETE:
            _delete(options, registry, wanted.name, wanted.version)
        else:
            _move(options, registry, wanted)
    return Exit.OK


def _wanted(options: argparse.Namespace) -> _Wanted:
    """Parse the words; raises UsageError."""
    words = list(options.words)
    action = words.pop(0) if words and words[0] in _ACTIONS else None
    if options.force and action != _PROMOTE:
        raise UsageError("--force is for `skysort models promote`")
    if options.yes and action != _DELETE:
        raise UsageError("--yes is for `skysort models delete`")
    if action is None:
        if len(words) > 1:
            raise UsageError(
                f"{words[0]!r:.60} is none of {', '.join(_ACTIONS)}; name one model, or one of these first"
            )
        return _Wanted(name=_plain(words[0])) if words else _Wanted()
    if not words:
        hint = f"a model of that name is shown with `skysort models custom/{action}`"
        raise UsageError(f"{action} needs a model's name; {hint}")
    name, *versions = words
    least, most = _ACTIONS[action]
    if not least <= len(versions) <= most:
        needed = "a model and a version" if least else "a model and at most one version"
        raise UsageError(f"{action} takes {needed}; `skysort models {printable(name)}` lists the versions")
    if name in MODELS:
        raise UsageError(f"{name} is a built-in model; it changes with the service alone")
    return _Wanted(action, _plain(name), versions[0] if versions else None)


def _plain(word: str) -> str:
    return word if word in MODELS else checked_name(plain_name(word))


def _list(options: argparse.Namespace, registry: Registry) -> None:
    built_in, trained = registry.models()
    if wants_json(options.format):
        _write([*built_in, *({**model, "trained": True} for model in trained)])
        return
    from skysort_cli.cards import show_list  # noqa: PLC0415 - only for people

    show_list(built_in, trained, console(sys.stdout))


def _show(options: argparse.Namespace, registry: Registry, name: str) -> None:
    model = registry.model(name)
    if "history" not in model:
        if wants_json(options.format):
            _write(model)
            return
        from skysort_cli.cards import show_card  # noqa: PLC0415 - only for people

        show_card(model, console(sys.stdout))
        return
    versions = registry.versions(name)
    if wants_json(options.format):
        _write({**model, "versions": versions})
        return
    from skysort_cli.training_report import show_model  # noqa: PLC0415 - only for people

    show_model(model, versions, console(sys.stdout))


def _move(options: argparse.Namespace, registry: Registry, wanted: _Wanted) -> None:
    """Promote a version, or roll back to an earlier one."""
    name, version = str(wanted.name), wanted.version
    if wanted.action == _PROMOTE:
        pointer = registry.promote(name, str(version), force=options.force)
    else:
        pointer = registry.rollback(name, version)
    if wants_json(options.format):
        _write(pointer)
        return
    from skysort_cli.training_report import show_pointer  # noqa: PLC0415 - only for people

    show_pointer(pointer, console(sys.stdout))


def _delete(options: argparse.Namespace, registry: Registry, name: str, version: str | None) -> None:
    if version is None and not options.yes:
        count = len(registry.versions(name))
        question = f"delete {name} with {count} version{'s' * (count != 1)}, for good?"
        if not is_terminal(sys.stdin) or not is_terminal(sys.stderr):
            raise UsageError(f"{question} Confirm with --yes")
        sys.stderr.write(f"skysort: {question} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            say("nothing is deleted")
            return
    registry.delete(name, version)
    if not wants_json(options.format):
        say(f"deleted {name}" + (f", version {version}" if version else ""))


def _write(document: Document | list[dict[str, Any]]) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
