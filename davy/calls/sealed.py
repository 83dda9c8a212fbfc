"""Files that only who has the key can read: the snapshot holds people's addresses. AES-256-GCM, so a changed file does not open."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import BadInput

HEAD: Final = b"davy-sealed-1\n"  # a changed form gets a new one; it is authenticated with the rest
_NONCE: Final = 12  # bytes, random: NIST SP 800-38D 8.3 allows 2^32 under one key; a write every 10 s takes 1,300 years


class Seal:
    """Seals and opens under one key.

    Args:
        key: at least 32 random bytes; the key of the cipher is derived from it (HKDF, RFC 5869).
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), 32, None, b"davy snapshot").derive(key))

    def write(self, path: Path, content: bytes) -> None:
        """Replaces the file as a whole: who reads it finds the old one or the new one. Nobody but its owner may.

        Raises:
            OSError: it cannot be written; the old one stands.
        """
        nonce = os.urandom(_NONCE)
        sealed = HEAD + nonce + self._cipher.encrypt(nonce, content, HEAD)
        new = path.with_name(f"{path.name}.new")
        new.unlink(missing_ok=True)  # of a process that died: it may have other rights
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    def read(self, path: Path) -> bytes:
        """What was sealed.

        Raises:
            OSError: there is no such file, or it cannot be read.
            BadInput: another key, another form, or a damaged file.
        """
        sealed = path.read_bytes()
        if not sealed.startswith(HEAD):
            raise BadInput(f"{path} is no file that Davy has sealed.")
        body = sealed[len(HEAD) :]
        try:
            return self._cipher.decrypt(body[:_NONCE], body[_NONCE:], HEAD)
        except (InvalidTag, ValueError) as error:
            raise BadInput(f"{path} does not open: it is damaged, or was sealed with another key.") from error
