"""Cookies, form tokens and passwords."""

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from api import cookies
from api.passwords import MOST_BYTES, Passwords

KEY, OTHER = b"k" * 32, b"o" * 32
SECRET = bytes(range(32))


def test_a_sealed_cookie_opens_with_its_key_only() -> None:
    """The MAC is verified before any look-up, so a forged cookie never reaches the database."""
    text = cookies.seal(SECRET, 7, KEY)
    assert cookies.unseal(text, KEY) == (SECRET, 7)
    assert cookies.unseal(text, OTHER) is None


@pytest.mark.parametrize("at", range(0, 112, 7))
def test_one_changed_character_breaks_the_seal(at: int) -> None:
    """No part of the cookie can be changed: not the secret, not the person, not the MAC."""
    text = cookies.seal(SECRET, 1234, KEY)
    at = min(at, len(text) - 1)
    changed = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    assert cookies.unseal(changed, KEY) is None


def test_another_person_cannot_be_written_into_a_cookie() -> None:
    """The person stands under the seal."""
    secret, _, mac = cookies.seal(SECRET, 7, KEY).split(".")
    assert cookies.unseal(f"{secret}.8.{mac}", KEY) is None


@given(st.text(max_size=200))
def test_no_text_breaks_unseal(text: str) -> None:
    """Whatever a browser sends is a cookie or nothing."""
    assert cookies.unseal(text, KEY) is None
    cookies.visitor_token(text, KEY)
    assert not cookies.same(text, cookies.form_token(SECRET, KEY))


def test_tokens_of_different_purposes_differ() -> None:
    """A log-in form's token is no session's token, and one session's is not another's."""
    nonce = cookies.new_visitor(SECRET)
    assert cookies.visitor_token(nonce, KEY) != cookies.form_token(SECRET, KEY)
    assert cookies.form_token(SECRET, KEY) != cookies.form_token(bytes(32), KEY)


def test_passwords_are_checked_by_argon2id() -> None:
    """Right is right; wrong, unknown, too long and a broken hash are not, and none of them raises."""
    stored = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("open sesame")
    assert stored.startswith("$argon2id$")
    passwords = Passwords()
    try:
        assert passwords.right("open sesame", stored)
        assert not passwords.right("open barley", stored)
        assert not passwords.right("open sesame", None)
        assert not passwords.right("nobody has this password", None)
        assert not passwords.right("x" * (MOST_BYTES + 1), stored)
        assert not passwords.right("open sesame", "not a hash")
    finally:
        passwords.close()
