"""Addresses at rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.vault import SEALED, Vault
from core.errors import BadInput, BadSetting
from core.settings import Settings

OLD, NEW = b"o" * 32, b"n" * 32
URL = "https://oapi.dingtalk.com/robot/send?access_token=geheim"


@given(st.text(max_size=300))
def test_what_is_sealed_opens_to_the_same(address: str) -> None:
    """Any text comes back; sealed twice it looks different, so that nobody sees that two people share a robot."""
    vault = Vault({"k1": NEW})
    one, other = vault.seal("dingtalk", address), vault.seal("dingtalk", address)
    assert one != other
    assert vault.open("dingtalk", one) == vault.open("dingtalk", other) == address


def test_keys_change_without_a_gap() -> None:
    """The first key seals, all open; what an old one sealed is to be sealed anew, and then the old one may go."""
    kept = Vault({"k1": OLD}).seal("dingtalk", URL)
    both = Vault({"k2": NEW, "k1": OLD})
    assert both.open("dingtalk", kept) == URL
    assert not both.current(kept)
    again = both.seal("dingtalk", URL)
    assert both.current(again)
    assert Vault({"k2": NEW}).open("dingtalk", again) == URL
    with pytest.raises(BadSetting, match="key 'k1', which DAVY_ADDRESS_KEYS does not have"):
        Vault({"k2": NEW}).open("dingtalk", kept)


def test_what_was_changed_does_not_open() -> None:
    """Another channel, another key of the same id, one changed letter: a sentence without the address."""
    vault = Vault({"k1": OLD})
    kept = vault.seal("dingtalk", URL)
    for channel, opened_by, given_text in (
        ("webhook", vault, kept),
        ("dingtalk", Vault({"k1": NEW}), kept),
        ("dingtalk", vault, kept[:-5] + ("A" if kept[-5] != "A" else "B") + kept[-4:]),
        ("dingtalk", vault, f"{SEALED}k1:short"),
    ):
        with pytest.raises(BadInput, match="does not open") as caught:
            opened_by.open(channel, given_text)
        assert "geheim" not in str(caught.value)


def test_without_keys_nothing_is_sealed() -> None:
    """As it was: an address that was never sealed is one already."""
    assert Vault().seal("smtp", "chen@example.com") == "chen@example.com"
    assert Vault({"k1": OLD}).open("smtp", "chen@example.com") == "chen@example.com"
    assert not Vault().seals


def test_a_mark_tells_addresses_apart_and_says_nothing() -> None:
    """One robot is one bucket whoever is called through it; without the key nobody finds a telephone number by trying all."""
    vault = Vault({"k1": OLD})
    assert vault.mark("+8613800000000") == vault.mark("+8613800000000")
    assert vault.mark("+8613800000000") != vault.mark("+8613800000001")
    assert vault.mark("+8613800000000") != Vault({"k1": NEW}).mark("+8613800000000")


def test_the_setting_shows_no_key() -> None:
    """ID=KEY; a mistake names the setting and no key."""
    settings = Settings.read({"DAVY_ADDRESS_KEYS": f"k2={'ab' * 32}, k1={'cd' * 32}"})
    assert Vault.from_settings(settings).seal("smtp", "a@b.example").startswith(f"{SEALED}k2:")
    assert "abab" not in repr(settings)
    for wrong in ("ab" * 32, f"k1={'ab' * 31}", f"k1={'ab' * 32},k1={'cd' * 32}"):
        with pytest.raises(BadSetting) as caught:
            Settings.read({"DAVY_ADDRESS_KEYS": wrong})
        assert "abab" not in str(caught.value)
