"""An owner finds out whose a folder is, from what the gateway knows of its callers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.commands import client_folders
from skysort.clients import Sharing, client_of
from tests.factories import proxy_event
from tests.fakes.aws_session import faked

if TYPE_CHECKING:
    import pytest


def test_each_keys_folder_is_the_one_that_its_requests_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given the outputs of a deployed stage
    told = {"ApiUrl": "https://api/", "KeyPage": "id-of-page", "KeySurvey": "id-of-survey"}
    monkeypatch.setattr(client_folders, "outputs", lambda _, stack: told if stack == "skysort-service-prod" else {})
    monkeypatch.setattr("infra.commands.session.Session.open", lambda *_: faked())
    # When
    assert client_folders.main(["--stage", "prod"]) == 0
    # Then
    expected = [client_of(proxy_event(key_id=f"id-of-{name}"), Sharing.SEPARATE).folder for name in ("page", "survey")]
    assert capsys.readouterr().out == f"page\t{expected[0]}\nsurvey\t{expected[1]}\n"


def test_a_role_and_a_subject_have_folders_too(capsys: pytest.CaptureFixture[str]) -> None:
    client_folders.main(["--role", "123456789012", "AROA1"])
    client_folders.main(["--subject", "https://pool", "s1"])
    role = {"requestContext": {"identity": {"accountId": "123456789012", "caller": "AROA1:any-session"}}}
    subject = {"requestContext": {"authorizer": {"claims": {"iss": "https://pool", "sub": "s1"}}}}
    folders = [client_of(event, Sharing.SEPARATE).folder for event in (role, subject)]
    assert capsys.readouterr().out == f"AROA1\t{folders[0]}\ns1\t{folders[1]}\n"


def test_where_clients_share_everything_there_are_no_folders(capsys: pytest.CaptureFixture[str]) -> None:
    assert client_folders.main(["--stage", "dev"]) == 0
    assert capsys.readouterr().out == "clients of stage dev share everything: incoming/<model>/<batch>/\n"
