"""What infra/README.md shows of commands is what they print, and what it tells to type is accepted."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws

from infra import ROOT
from infra.commands import redrive
from infra.commands.account_checks import AccountChecks
from infra.commands.checks import findings, table
from infra.commands.session import options_of
from infra.stages.config import stage as configured
from infra.stages.deployments import dev
from tests.fakes.aws_session import emulated
from tests.unit.infra.commands.test_doctor import checks
from tests.unit.infra.commands.test_rollback import functions, run

if TYPE_CHECKING:
    from tests.unit.infra.commands.test_rollback import FakeLambda

README = (ROOT / "infra" / "README.md").read_text("utf-8")
SECTION = README.partition("\n## Commands\n")[2].partition("\n## ")[0]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
__all__ = ["functions"]


def test_the_doctors_table_of_a_new_account() -> None:
    new = checks(dev(), limit=10)
    with mock_aws():
        other = AccountChecks(emulated(), dev(), [])
        found = findings([("concurrency", new.concurrency), ("memory", new.memory), ("CloudFront", other.cloudfront)])
    assert table(found) in SECTION


def test_what_a_rollback_prints(functions: FakeLambda, capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert functions.moves
    assert capsys.readouterr().out in SECTION


@pytest.mark.parametrize("line", sorted(set(re.findall(r"make [a-z]+(?: [A-Z]+=(?:'[^']*'|[^\s`']+))+", SECTION))))
def test_what_it_tells_to_type_is_a_target_with_settings_that_exist(line: str) -> None:
    # Given a command of the section
    _, target, *settings = shlex.split(line)
    given = dict(setting.split("=", 1) for setting in settings)
    assert re.search(rf"^(?:[a-z ]+ )?{target}(?: [a-z ]+)?:", MAKEFILE, re.MULTILINE)
    # Then its context is a stage's
    parsed, _ = redrive.parser().parse_known_args(
        ["star", "--stage", given.get("STAGE", "dev"), *shlex.split(given.get("ARGS", ""))]
    )
    options = options_of(parsed)
    assert configured(options.stage, options.context).name == options.stage
