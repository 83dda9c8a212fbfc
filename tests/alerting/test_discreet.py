"""Words of receivers, without addresses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.discreet import discreet

ROBOT = "https://oapi.dingtalk.com/robot/send?access_token=a1b2c3d4e5"
WORD = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("said", "address", "kept"),
    [
        ("450 <zhang@a.cn>: rejected", "zhang@a.cn", "450 <…>: rejected"),
        ("452 4.2.2 Zhang+davy@A.CN over quota; see li@b.cn", "zhang@a.cn", "452 4.2.2 … over quota; see …"),
        ("Invalid number 13800138000", "+8613800138000", "Invalid number …"),
        ("Invalid number +86 138-0013-8000.", "+8613800138000", "Invalid number …."),
        ("no such token a1b2c3d4e5", ROBOT, "no such token …"),
        (f"{ROBOT} is gone", ROBOT, "… is gone"),
        ("two\r\nlines\x00 and half a character \ud83d", "", "two lines and half a character"),
        ("smtp answered 21214 at 2026-03-01 08:00:00", "+491511", "smtp answered 21214 at 2026-03-01 08:00:00"),
        ("The mail server 127.0.0.1:2525 did not take it: timed out", "zhang@a.cn", "The mail server 127.0.0.1:2525 did not take it: timed out"),
    ],
)  # fmt: skip
def test_what_is_kept(said: str, address: str, kept: str) -> None:
    """Nobody's address, whoever's it is; codes, instants and servers stay."""
    assert discreet(said, address) == kept


@given(name=WORD, host=WORD, before=WORD, after=WORD)
def test_no_mail_address_is_left(name: str, host: str, before: str, after: str) -> None:
    """However a server quotes it."""
    address = f"{name}@{host}.example"
    for said in (
        f"{before} <{address}> {after}",
        f"{before} '{address.upper()}': {after}",
        f"{before}={address},{after}",
    ):
        assert "@" not in discreet(said, address)
