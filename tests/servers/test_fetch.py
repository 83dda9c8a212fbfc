"""`make servers`: the package source, and the unpacked tree."""

import shutil
import subprocess
from pathlib import Path

import pytest

from davy.servers import ServerUnavailable, fetch
from davy.servers.debian import PrivateApt, Source, derive_sources, read_os_release
from tests.conftest import skip_without_server

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
BOOKWORM = {"ID": "debian", "VERSION_CODENAME": "bookworm"}


def test_the_suite_is_replaced_and_nothing_else() -> None:
    """The host's own mirror is used, with trixie, its updates and its security fixes."""
    targets = "\n".join(
        [
            "http://mirror.example/debian bookworm main",
            "http://mirror.example/debian bookworm contrib",
            "http://mirror.example/debian bookworm-updates main",
            "http://mirror.example/debian bookworm-backports main",
            "http://security.example/debian-security bookworm-security main",
            "https://third.example/apt stable-x main",
            "https://third.example/apt nodistro main",
        ]
    )
    found = [(source.address, source.suite, source.components) for source in derive_sources(BOOKWORM, targets, KEYRING)]
    assert found == [
        ("http://mirror.example/debian", "trixie", ("main",)),
        ("http://mirror.example/debian", "trixie-updates", ("main",)),
        ("http://security.example/debian-security", "trixie-security", ("main",)),
    ]


def test_ubuntu_keeps_its_own_suite() -> None:
    """Ubuntu's archive has no trixie: its own suite is asked."""
    release = {"ID": "ubuntu", "VERSION_CODENAME": "questing"}
    found = derive_sources(release, "http://mirror.example/ubuntu questing main", KEYRING)
    assert [(source.suite, source.components) for source in found] == [("questing", ("main", "universe"))]


def test_a_host_without_a_source_of_its_own_hears_it_in_a_sentence() -> None:
    """Third-party sources are never rewritten."""
    with pytest.raises(ServerUnavailable, match="apt must know"):
        derive_sources(BOOKWORM, "https://third.example/apt nodistro main", KEYRING)


def test_os_release_is_read_with_its_quotes() -> None:
    """The fields of /etc/os-release may be quoted."""
    assert read_os_release('# c\nID=debian\nVERSION_CODENAME="bookworm"\n\n') == BOOKWORM


def test_a_host_without_apt_hears_it_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no Debian packages the other ways are named."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerUnavailable, match="install both servers yourself"):
        PrivateApt(tmp_path)


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt-get, as Debian and Ubuntu have it")
def test_an_unreachable_source_is_named(tmp_path: Path) -> None:
    """A source that cannot be read ends in one sentence with apt's own reason."""
    away = Source(f"file:{tmp_path}/nowhere", "trixie", ("main",), KEYRING)
    with pytest.raises(ServerUnavailable, match=r"check this host's apt sources and network: .*nowhere") as raised:
        PrivateApt(tmp_path / "apt").read_lists([away])
    assert "\n" not in str(raised.value)


@pytest.mark.broker
def test_the_unpacked_tree_is_whole_and_kept(capsys: pytest.CaptureFixture[str]) -> None:
    """A second run fetches nothing and says the same versions; every library that PostgreSQL may load is there."""
    try:
        tree, versions = fetch.ensure_unpacked()
    except ServerUnavailable as error:
        skip_without_server(error)
        raise
    stamp = (tree / fetch.STAMP).stat()
    assert fetch.main() == 0
    assert f"timescaledb {versions['timescaledb']}" in capsys.readouterr().out
    assert (tree / fetch.STAMP).stat().st_mtime_ns == stamp.st_mtime_ns
    linker = next(tree.glob("usr/lib/*-linux-*/ld-linux*.so.*"))
    major = versions["postgresql"].split(".")[0]
    for library in sorted((tree / f"usr/lib/postgresql/{major}/lib").glob("*.so")):
        if library.name != "llvmjit.so":
            listed = subprocess.run(
                [linker, "--library-path", linker.parent, "--list", library], capture_output=True, text=True, check=True
            )
            assert "not found" not in listed.stdout, library.name
