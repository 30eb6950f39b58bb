from __future__ import annotations

from pathlib import Path

import pytest

from gitreg.data.urls import local_path, parse_storage_url, public_url
from gitreg.errors import UsageError


@pytest.mark.parametrize(
    ("url", "public"),
    [
        ("s3://bucket/path/", "s3://bucket/path"),
        ("s3://KEY:SECRET@bucket/path", "s3://bucket/path"),
        ("https://user:pass@host:8443/x", "https://host:8443/x"),
        ("https://user@host/x", "https://host/x"),
        ("https://host/x?token=secret#part", "https://host/x"),
        ("https://u:p@ss@host/x", "https://host/x"),
        ("ssh://me:secret@host:2222/srv/data", "ssh://me@host:2222/srv/data"),
        ("ssh://host/srv", "ssh://host/srv"),
        ("gs://bucket/a?b", "gs://bucket/a?b"),
        ("/srv/data/", "/srv/data"),
        ("/", "/"),
        ("file:///srv/data", "file:///srv/data"),
        ("http://[bad/x", "http://[bad/x"),
        ("s3://KEY:SEC@RET@bucket", "s3://bucket"),
    ],
)
def test_a_public_address_holds_no_secret(url: str, public: str) -> None:
    assert public_url(url) == public
    assert public_url(public) == public


@pytest.mark.parametrize(
    "url",
    [
        "/srv/data",
        "s3://bucket/path",
        "gs://bucket",
        "azure://container/path",
        "ssh://me@host:2222/srv",
        "http://host/x",
        "https://host/x",
    ],
)
def test_an_absolute_address_stays(url: str) -> None:
    assert parse_storage_url(url) == url


def test_a_path_becomes_absolute(tmp_path: Path, sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_storage_url("store") == str(tmp_path / "store")
    assert parse_storage_url("../store") == str(tmp_path.parent / "store")
    assert parse_storage_url("~/store") == str(sealed / "store")
    assert parse_storage_url("file:///srv/my%20data") == "/srv/my data"
    assert parse_storage_url("./odd:name") == str(tmp_path / "odd:name")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-x",
        "--upload-pack=touch pwned",
        "a\nb",
        "/srv/%(x)s",
        "ftp://host/x",
        "gdrive://id",
        "remote://other/x",
        "ext::sh -c x",
        "git@host:repo",
        "host:repo",
        "file://host/share",
        "file:relative",
        "s3://",
        "s3:///path",
        "https://user@/x",
    ],
)
def test_what_is_no_storage_is_refused(url: str) -> None:
    with pytest.raises(UsageError):
        parse_storage_url(url)


@pytest.mark.parametrize(
    "url",
    ["s3://KEY:SECRET@bucket/x", "https://user:s3cret@host/x", "ssh://me:SECRET@host/x", "https://host/?sig=SECRET"],
)
def test_a_secret_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_storage_url(url)
    assert "secret" not in str(caught.value).lower().replace("s3cret", "secret")
    assert "--local" in str(caught.value.hint)


def test_only_local_addresses_have_a_path() -> None:
    assert local_path("/srv") == Path("/srv")
    assert local_path("file:///srv") == Path("/srv")
    assert local_path("s3://bucket") is None
