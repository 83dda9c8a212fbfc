"""Whether an IP address belongs to the public internet. Pure."""

from __future__ import annotations

import ipaddress
from typing import Final

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits
# All that has been given to the public internet (RFC 4291 2.4 and IANA); site-local fec0::/10 and IPv4-compatible ::/96 are
# outside it, though Python calls them global.
_UNICAST6: Final = ipaddress.IPv6Network("2000::/3")


def is_public(text: str) -> bool:
    """Whether an IP address belongs to the public internet, also when it is an IPv4 address in IPv6 clothes.

    >>> [is_public(a) for a in ("1.1.1.1", "10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::")]
    [True, False, False, False, False, False]
    """
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address.teredo is not None or address not in _UNICAST6:
            return False
    return address.is_global and not address.is_multicast
