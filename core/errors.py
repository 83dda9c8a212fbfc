"""Every error Davy raises on purpose, as one tree.

DavyError
 +-- BadInput            somebody gave us something wrong; the sentence says what, where, and what would be right
 |    +-- Malformed      a message that is not wire version 1 (carries a reason code for `rejected_message`)
 |    +-- BadSetting     a setting that stops the start
 |    +-- BadSiteFile    a site file, with line numbers
 |    +-- Refused        an action that the state, the role or the rules do not allow
 +-- Unavailable         something we need is away; trying again later may help
 |    +-- DatabaseAway
 |    +-- BrokerAway
 |    +-- ServerUnavailable   a server that Davy starts for itself (davy/servers/errors.py)
 +-- Fenced              another owner has taken over this worker; stop at once
 +-- SteppedBack         the database has lost batches that it had confirmed; begin anew from what it has
 +-- DeliveryFailed      a channel could not deliver; `permanent` says whether trying again is of use
      +-- AddressGone       nothing will ever arrive there: the address is dead until somebody corrects it

One bit tells a caller what to do: `permanent` is true where trying the same thing again cannot help.
"""

from __future__ import annotations


class DavyError(Exception):
    """The root. `str(error)` is one sentence for a person."""

    permanent = True


class BadInput(DavyError):
    """Somebody gave us something wrong."""


class Malformed(BadInput):
    """A message that is not wire version 1.

    Args:
        reason: code kept in `rejected_message.reason`, one of `core.wire.REASONS`.
        sentence: what was wrong, where, and what would be right.
    """

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class BadSetting(BadInput):
    """A setting that stops the start."""


class BadSiteFile(BadInput):
    """A site file with mistakes.

    Args:
        mistakes: (line, sentence) in file order; line counts from 1.
    """

    def __init__(self, mistakes: list[tuple[int, str]]) -> None:
        super().__init__("\n".join(f"line {line}: {sentence}" for line, sentence in mistakes))
        self.mistakes = mistakes


class Refused(BadInput):
    """An action that the state, the role or the rules do not allow."""


class Unavailable(DavyError):
    """Something we need is away."""

    permanent = False


class DatabaseAway(Unavailable):
    """The database does not answer, or not in time."""


class BrokerAway(Unavailable):
    """The broker does not answer, or refuses us."""


class Fenced(DavyError):
    """Another owner has taken over this worker."""


class SteppedBack(DavyError):
    """The database has lost batches that it had confirmed: a fail-over to a standby that was behind, or an older copy."""


class DeliveryFailed(DavyError):
    """A channel could not deliver.

    Args:
        sentence: what the channel said, without secrets.
        permanent: true where the same message to the same address can never be delivered.
        retry_after_s: how long the receiver asked us to wait; None where it did not.
        of_address: it is about this address alone, and says nothing of the gateway that answered.
    """

    def __init__(
        self, sentence: str, *, permanent: bool, retry_after_s: float | None = None, of_address: bool = False
    ) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.retry_after_s = retry_after_s
        self.of_address = of_address


class AddressGone(DeliveryFailed):
    """Nothing will ever arrive at this address: the robot was removed, the number does not exist, the receiver said 410."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, permanent=True, of_address=True)
