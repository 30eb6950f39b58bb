from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitreg.data.config import (
    VERSION_GITIGNORE,
    Project,
    Storage,
    init_project,
    is_project,
    parse_version_config,
    set_storage,
    version_config,
)
from gitreg.errors import RecordError, StorageError, UsageError

Shell = Callable[..., str]


@pytest.fixture
def project(repo: Path) -> Project:
    return Project(repo, repo)


class TestMakingAProject:
    def test_it_is_what_dvc_init_makes(self, tmp_path: Path, sh: Shell) -> None:
        sh("git init --quiet ours && git init --quiet theirs && cd theirs && dvc init --quiet")
        created = init_project(tmp_path / "ours")
        assert created == [tmp_path / "ours" / name for name in (".dvc/.gitignore", ".dvc/config", ".dvcignore")]
        sh("diff --recursive --exclude=.git --exclude=tmp ours theirs")
        assert (tmp_path / "theirs" / ".dvc" / ".gitignore").read_bytes() == VERSION_GITIGNORE
        assert is_project(tmp_path / "ours")

    def test_a_second_time_changes_nothing(self, tmp_path: Path) -> None:
        init_project(tmp_path)
        (tmp_path / ".dvc" / "config").write_text("[core]\n    analytics = false\n")
        assert init_project(tmp_path) == []
        assert (tmp_path / ".dvc" / "config").read_text() == "[core]\n    analytics = false\n"

    def test_a_directory_without_it_is_no_project(self, tmp_path: Path) -> None:
        assert not is_project(tmp_path)

    def test_a_place_that_cannot_be_written_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError):
            init_project(tmp_path / "missing")


class TestSettingTheStorage:
    @pytest.mark.parametrize("url", ["/srv/data", "s3://bucket/path", '/srv/it\'s, "odd" # here'])
    def test_the_file_is_what_dvc_writes(self, repo: Path, sh: Shell, url: str) -> None:
        assert set_storage(repo, url) == Storage("storage", url)
        ours = (repo / ".dvc" / "config").read_text()
        sh(
            'rm .dvc/config && touch .dvc/config && dvc remote add --quiet -d storage "$URL"',
            cwd=repo,
            env={"URL": url},
        )
        assert ours == (repo / ".dvc" / "config").read_text()
        assert Project(repo, repo).default_storage == Storage("storage", url)

    def test_the_rest_of_the_file_stays(self, repo: Path, project: Project) -> None:
        config = repo / ".dvc" / "config"
        config.write_text(
            "# ours\n[core]\n    autostage = true    # yes\n    Remote = old\n['remote \"old\"']\n    url = s3://old\n"
            "['remote \"Storage\"']\n    url = s3://before\n    profile = team\n"
        )
        set_storage(repo, "s3://after/x", "Storage")
        assert config.read_text() == (
            "# ours\n[core]\n    autostage = true    # yes\n    Remote = storage\n['remote \"old\"']\n    url = s3://old\n"
            "['remote \"Storage\"']\n    url = s3://after/x\n    profile = team\n"
        )
        assert project.default_storage == Storage("storage", "s3://after/x")

    @pytest.mark.parametrize("name", ["", "-x", 'a"b', "a b", "a]\n[core", "日本"])
    def test_a_bad_name_is_refused(self, repo: Path, name: str) -> None:
        with pytest.raises(UsageError):
            set_storage(repo, "/srv", name)

    def test_a_bad_address_leaves_the_file_alone(self, repo: Path) -> None:
        with pytest.raises(UsageError):
            set_storage(repo, "-x")
        assert (repo / ".dvc" / "config").read_text() == ""

    def test_a_malformed_file_is_not_overwritten(self, repo: Path) -> None:
        (repo / ".dvc" / "config").write_text("[core\n")
        with pytest.raises(StorageError, match="malformed"):
            set_storage(repo, "/srv")
        assert (repo / ".dvc" / "config").read_text() == "[core\n"

    def test_without_a_project_it_fails(self, tmp_path: Path) -> None:
        with pytest.raises(StorageError):
            set_storage(tmp_path, "/srv")


class TestReadingTheConfiguration:
    def test_without_any_the_cache_is_the_projects_and_there_is_no_storage(self, repo: Path, project: Project) -> None:
        assert project.cache_dir == repo / ".dvc" / "cache"
        assert project.default_storage is None
        assert not project.cache_is_shared

    @pytest.mark.parametrize(
        "command",
        [
            "dvc cache dir shared/cache",
            "dvc cache dir --local ../elsewhere",
            "dvc cache dir --global $PWD/../global-cache",
            "dvc cache dir --system $PWD/../system-cache",
            "dvc cache dir --global /g && dvc cache dir --local /l && dvc cache dir /r",
            "printf '[CACHE]\\n  DIR = ../x y\\n' > .dvc/config",
            "printf '[cache]\\n  dir = ~/cache\\n' > .dvc/config",
        ],
    )
    def test_the_cache_is_where_dvc_has_it(self, repo: Path, project: Project, sh: Shell, command: str) -> None:
        sh(command, cwd=repo)
        assert project.cache_dir == Path(sh("dvc cache dir", cwd=repo).strip())

    @pytest.mark.parametrize(
        ("commands", "url"),
        [
            ("dvc remote add -d s ../store", "{}/store"),
            ("dvc remote add -d S s3://bucket/x", "s3://bucket/x"),
            ("dvc remote add s /srv && dvc remote default --local s", "/srv"),
            ("dvc remote add --global -d s /srv/x/", "/srv/x"),
            ("dvc remote add a ssh://me@host/srv && dvc remote add -d s remote://a/data", "ssh://me@host/srv/data"),
            ("dvc remote add -d s https://user:secret@host/x?sig=1", "https://host/x"),
            ("dvc remote add -d s /a && dvc remote add --local s /b", "/b"),
        ],
    )
    def test_the_default_storage_is_dvcs_default_remote(
        self, repo: Path, project: Project, sh: Shell, commands: str, url: str
    ) -> None:
        sh(commands, cwd=repo)
        assert project.default_storage == Storage("s", url.format(repo.parent))

    def test_options_that_are_safe_to_publish_come_along_and_secrets_do_not(
        self, repo: Path, project: Project, sh: Shell
    ) -> None:
        sh(
            "dvc remote add -d s s3://bucket && dvc remote modify s endpointurl https://u:p@minio:9000"
            " && dvc remote modify s region eu && dvc remote modify --local s secret_access_key hush"
            " && dvc remote modify s profile mine && dvc remote modify s credentialpath keys",
            cwd=repo,
        )
        storage = project.default_storage
        assert storage == Storage("s", "s3://bucket", (("endpointurl", "https://minio:9000"), ("region", "eu")))
        own = project.own_remote(storage)
        assert own is not None
        assert own["secret_access_key"] == "hush"  # noqa: S105
        assert own["credentialpath"] == str(repo / "keys")

    def test_a_default_that_does_not_exist_is_an_error(self, repo: Path, project: Project) -> None:
        (repo / ".dvc" / "config").write_text("[core]\nremote = gone\n")
        with pytest.raises(StorageError, match="gone"):
            _ = project.default_storage

    def test_remotes_that_refer_to_each_other_are_an_error(self, repo: Path, project: Project) -> None:
        (repo / ".dvc" / "config").write_text(
            "[core]\nremote = a\n['remote \"a\"']\nurl = remote://b/x\n['remote \"b\"']\nurl = remote://a/x\n"
        )
        with pytest.raises(StorageError):
            _ = project.default_storage

    @pytest.mark.parametrize("text", [b"[core\n", b"no section", b"[core]\nremote = \xff\n", b"[core]\nx = %(y)s\n"])
    def test_a_malformed_file_is_an_error_that_names_it(self, repo: Path, project: Project, text: bytes) -> None:
        (repo / ".dvc" / "config").write_bytes(text)
        with pytest.raises(StorageError, match=r"\.dvc/config"):
            _ = project.cache_dir

    def test_a_linked_worktree_uses_the_main_ones_cache_and_credentials(self, repo: Path, sh: Shell) -> None:
        sh(
            "dvc remote add -d s ../store && git commit --quiet --all -m x && git worktree add --quiet ../linked/deep"
            " && dvc remote modify --local s shared group",
            cwd=repo,
        )
        linked = Project(repo, repo.parent / "linked" / "deep")
        assert linked.cache_dir == repo / ".dvc" / "cache"
        assert linked.default_storage == Storage("s", str(repo.parent / "store"))
        own = linked.own_remote(Storage("s", str(repo.parent / "store")))
        assert own is not None
        assert own["shared"] == "group"

    def test_a_storage_of_another_name_and_the_same_address_is_the_users_own(
        self, repo: Path, project: Project, sh: Shell
    ) -> None:
        sh("dvc remote add b s3://bucket/x/ && dvc remote add a s3://bucket/x && dvc remote add c s3://other", cwd=repo)
        for name in ("a", "b"):
            own = project.own_remote(Storage(name, "s3://bucket/x"))
            assert own is not None
            assert own["url"].rstrip("/") == "s3://bucket/x"
        assert project.own_remote(Storage("z", "s3://bucket/x")) is not None
        assert project.own_remote(Storage("c", "s3://bucket")) is None

    def test_a_remote_without_an_address_is_in_nobodys_way(self, repo: Path, project: Project) -> None:
        (repo / ".dvc" / "config.local").write_text(
            "['remote \"a\"']\npassword = hush\n['remote \"b\"']\nurl = remote://a/x\n['remote \"c\"']\nurl = /c\n"
        )
        assert project.own_remote(Storage("x", "/c")) == {"url": "/c"}

    @pytest.mark.parametrize(
        ("address", "password"),
        [
            ("https://host/x/y", "hush"),
            ("https://host/x", "hush"),
            ("https://host/xy", None),
            ("https://host/", None),
            ("https://host/x/../y", None),
            ("https://host/x/%2e%2E/y", None),
            ("https://host.evil/x/y", None),
            ("https://host:444/x/y", None),
            ("http://host/x/y", None),
            ("s3://bucket/elsewhere", "key"),
            ("s3://bucket2/elsewhere", None),
            ("gs://bucket/x", None),
        ],
    )
    def test_secrets_are_for_what_lies_below_their_address_or_in_their_bucket(
        self, repo: Path, project: Project, address: str, password: str | None
    ) -> None:
        (repo / ".dvc" / "config.local").write_text(
            "['remote \"web\"']\nurl = https://host/x/\npassword = hush\n"
            "['remote \"s\"']\nurl = s3://bucket/data\nsecret_access_key = key\n"
        )
        found = project.options_for(address)
        assert "url" not in found
        assert found.get("password", found.get("secret_access_key")) == password


class TestTheConfigurationOfAVersion:
    def test_it_is_empty_without_a_storage(self) -> None:
        assert version_config(None) == b""
        assert parse_version_config(b"") is None
        assert parse_version_config(b"[core]\n    analytics = false\n") is None

    def test_it_holds_the_default_remote(self) -> None:
        storage = Storage("s", "s3://bucket/x", (("endpointurl", "https://minio"), ("region", "eu")))
        assert version_config(storage) == (
            b"[core]\n    remote = s\n"
            b"['remote \"s\"']\n    url = s3://bucket/x\n    endpointurl = https://minio\n    region = eu\n"
        )

    def test_nothing_secret_gets_in_whoever_made_the_storage(self) -> None:
        storage = Storage('odd" name', "https://u:hush@host/x?t=hush", (("password", "hush"),))
        assert (
            version_config(storage)
            == b"[core]\n    remote = storage\n['remote \"storage\"']\n    url = https://host/x\n"
        )

    @pytest.mark.parametrize("url", ['/srv/it\'s, "odd" # here', "/srv/日本"])
    def test_stock_dvc_reads_it(self, repo: Path, sh: Shell, url: str) -> None:
        (repo / ".dvc" / "config").write_bytes(version_config(Storage("s", url)))
        assert sh("dvc remote list", cwd=repo).split() == ["s", *url.split(), "(default)"]

    @given(st.text(st.characters(codec="utf-8") | st.sampled_from("\"'#, %()[]=\\"), max_size=12))
    def test_any_directory_that_can_be_set_comes_back(self, name: str) -> None:
        with TemporaryDirectory() as directory:
            root = Path(directory)
            init_project(root)
            try:
                storage = set_storage(root, f"/srv/{name}")
            except (UsageError, StorageError):
                assert (root / ".dvc" / "config").read_bytes() == b""
                return
            assert Project(root, root).default_storage == storage
            assert parse_version_config(version_config(storage)) == storage

    def test_only_safe_options_are_read(self) -> None:
        text = (
            b"[core]\nremote = S\n['remote \"S\"']\nurl = s3://bucket\nregion = eu\nprofile = admin\n"
            b"configpath = /tmp/evil\ncredentialpath = /x\nssl_verify = false\n"
        )
        assert parse_version_config(text) == Storage("s", "s3://bucket", (("region", "eu"),))

    def test_no_other_host_than_googles_gets_the_users_token(self) -> None:
        text = b"[core]\nremote = s\n['remote \"s\"']\nurl = gs://bucket\nendpointurl = https://evil.example\n"
        assert parse_version_config(text) == Storage("s", "gs://bucket")

    @pytest.mark.parametrize(
        "text",
        [
            b"[core",
            b"\xff",
            b"x" * 100_000,
            b"[core]\nremote = s\n",
            b"core = 1\n",
            b"[core]\nremote = a, b\n",
            b"[core]\nremote = s\n['remote \"s\"']\nurl = relative/path\n",
            b"[core]\nremote = s\n['remote \"s\"']\nurl = ../../x\n",
            b"[core]\nremote = s\n['remote \"s\"']\nurl = a, b\n",
            b"[core]\nremote = s\n['remote \"s\"']\nurl = '''/x\n/y'''\n",
            b"[core]\nremote = -s\n['remote \"-s\"']\nurl = /x\n",
            b"[core]\nremote = s\n['remote \"s\"']\nurl = s3://b\nregion = a, b\n",
            b"[core]\nremote = s\nremote = s\n",
        ],
    )
    def test_one_that_is_no_use_is_refused(self, text: bytes) -> None:
        with pytest.raises(RecordError):
            parse_version_config(text)

    def test_nothing_in_it_is_interpolated(self) -> None:
        text = b"[core]\nremote = s\nx = %(y)s\n['remote \"s\"']\nurl = /srv/%(x)s\n"
        assert parse_version_config(text) == Storage("s", "/srv/%(x)s")


def test_a_home_of_nobody_stays_what_it_is(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\nremote = s\n['remote \"s\"']\nurl = ~nobody-of-this-name/x\n")
    storage = Project(tmp_path, tmp_path).default_storage
    assert storage is not None
    assert storage.url == str(tmp_path / ".dvc" / "~nobody-of-this-name" / "x")
