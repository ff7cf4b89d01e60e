"""Who a request comes from, and that no client can name what is another's, by any text."""

from __future__ import annotations

import posixpath
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from skysort.clients import EVERYBODY, Client, Sharing, client_of, identity_of
from skysort.errors import UnauthenticatedError
from skysort.uploads import names
from tests.factories import proxy_event

PARTS = st.sampled_from(
    [
        "..",
        ".",
        "/",
        "\\",
        "%2e",
        "%2F",
        "incoming",
        "galaxy",
        "custom",
        "custom-star",
        "night-1",
        "client-",
        "\x00",
        "\ud800",
    ]
)


def context(**identity: Any) -> dict[str, Any]:
    return {"requestContext": {"identity": identity}}


def claims(**given: str) -> dict[str, Any]:
    return {"requestContext": {"authorizer": {"claims": given}, "identity": {"apiKeyId": "k1", "caller": None}}}


def separate(event: dict[str, Any]) -> Client:
    return client_of(event, Sharing.SEPARATE)


ALICE, BOB = separate(context(apiKeyId="alice")), separate(context(apiKeyId="bob"))


@pytest.mark.parametrize(
    ("event", "identity"),
    [
        (context(apiKeyId="k1"), ("key", "k1")),
        (context(apiKeyId="k1", caller="AIDA1", accountId="1"), ("iam", "1", "AIDA1")),
        # Whoever takes a role on names the session: it tells nothing of who that is
        (context(caller="AROA1:session", accountId="1", userArn="arn:..."), ("iam", "1", "AROA1")),
        (context(caller="AROA1:x", accountId="1", cognitoIdentityId="pool:1"), ("cognito", "pool:1")),
        (claims(sub="s", iss="https://pool"), ("token", "https://pool", "s")),
        ({"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "s", "iss": "i"}}}}}, ("token", "i", "s")),
        (context(apiKeyId=None, caller=None), None),
        (context(apiKeyId=""), None),
        (context(apiKeyId=7, caller=["AIDA1"]), None),
        ({"requestContext": {"authorizer": "x", "identity": None}}, None),
        ({}, None),
    ],
)
def test_the_strongest_identity_that_the_gateway_has_checked_counts(
    event: dict[str, Any], identity: tuple[str, ...] | None
) -> None:
    assert identity_of(event) == identity


def test_headers_and_bodies_tell_nobody_who_asks() -> None:
    sent = {"X-Api-Key": "alice", "Authorization": "Bearer alice", "apiKeyId": "alice"}
    event = proxy_event(body='{"requestContext": {"identity": {"apiKeyId": "alice"}}}', headers=sent)
    with pytest.raises(UnauthenticatedError, match="send an API key, sign the request or send a valid token"):
        separate(event)


def test_each_kind_of_identity_is_a_client_of_its_own() -> None:
    events = [context(apiKeyId="x"), context(caller="x"), context(cognitoIdentityId="x"), claims(sub="x"), ALICE]
    folders = {separate(event).folder for event in events if isinstance(event, dict)}
    assert len(folders) == 4
    # The same one again is the same client
    assert separate(context(apiKeyId="x")) == separate(context(apiKeyId="x", sourceIp="203.0.113.9"))


def test_no_issuer_and_subject_are_written_like_another_pair() -> None:
    pairs = [("x\0y", "z"), ("x", "y\0z"), ('x", "y', "z"), ("x", 'y", "z')]
    folders = {separate(claims(iss=iss, sub=sub)).folder for iss, sub in pairs}
    assert len(folders) == len(pairs)


def test_where_clients_share_everything_nobody_needs_an_identity() -> None:
    assert client_of({}, Sharing.SHARED) == EVERYBODY
    assert names.prefix_of("star", "night-1", EVERYBODY) == "incoming/star/night-1/"
    assert EVERYBODY.may_read("incoming/galaxy/any/file.jpg")
    assert not EVERYBODY.may_read("secret/file.jpg")


@given(st.text(), st.text())
def test_no_identity_however_it_is_spelt_has_anothers_folder(one: str, other: str) -> None:
    folders = [separate(context(apiKeyId=name)).folder for name in (f"x{one}", f"x{other}")]
    assert (folders[0] == folders[1]) == (one == other)
    # and a folder's name is a plain one, whatever the identity holds
    assert all(names.batch_fault(folder) is None for folder in folders)


@given(st.lists(PARTS | st.just(BOB.folder) | st.text(max_size=4), max_size=6).map("".join))
@example(f"../{BOB.folder}/night-1")
@example(BOB.folder)
@example("..")
def test_no_batch_that_a_client_may_name_lies_in_anothers_folder(batch: str) -> None:
    if names.batch_fault(batch) is None:
        prefix = names.prefix_of("galaxy", batch, ALICE)
        assert posixpath.normpath(prefix).startswith(f"incoming/galaxy/{ALICE.folder}/")
        assert names.prefix_of("galaxy", batch, BOB) != prefix


@given(
    st.lists(PARTS | st.just("/") | st.just(BOB.folder) | st.just(ALICE.folder) | st.text(max_size=4), max_size=8).map(
        "".join
    )
)
@example(f"galaxy/{BOB.folder}/night-1/m51.jpg")
@example(f"galaxy/{ALICE.folder}/../{BOB.folder}/night-1/m51.jpg")
@example(f"/{ALICE.folder}/night-1/m51.jpg")
@example(f"custom/{BOB.folder}/{ALICE.folder}/night-1/m51.jpg")
@example("custom")
def test_no_key_is_readable_by_two_clients_and_none_leads_elsewhere(rest: str) -> None:
    key = f"incoming/{rest}"
    assert not (ALICE.may_read(key) and BOB.may_read(key))
    if ALICE.may_read(key):
        assert posixpath.normpath(key) == key.rstrip("/")
        assert key.split("/")[3 if key.startswith(("incoming/custom/", "incoming/custom-star/")) else 2] == ALICE.folder


def test_a_client_reads_what_it_was_given_a_way_in_for() -> None:
    key = names.prefix_of("galaxy", "night-1", ALICE) + "field 7/m51.jpg"
    assert ALICE.may_read(key)
    assert not BOB.may_read(key)
    for model in ("training", "custom/rings", "custom-star/qso"):
        own = names.prefix_of(model, "night-1", ALICE) + "field 7/m51.jpg"
        assert ALICE.may_read(own)
        assert not BOB.may_read(own)
    # A model's name is not a folder, even if it is spelled like one
    assert not ALICE.may_read(f"incoming/custom/{ALICE.folder}/night-1/m51.jpg")
    # What the owner drops without a client is the owner's alone
    assert not ALICE.may_read("incoming/galaxy/night-1/m51.jpg")
    assert not ALICE.may_read(f"incoming/galaxy/{ALICE.folder}")
