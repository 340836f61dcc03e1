"""Which hosts a feed or webhook may call: public ones, and others an admin named.

A name is resolved once for each connection, every address that it has is judged, and
the connection goes to one of those: a name that resolves to another address a moment
later changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from core.errors import InvalidInput
from core.wording import listed

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Sequence[str]]
"""From a host and port to its IP addresses; raises OSError when there is none."""

# Where machines of clouds find their credentials. Most lie in the link-local range.
_METADATA = frozenset(
    ipaddress.ip_address(text)
    for text in ("169.254.169.254", "100.100.100.200", "192.0.0.192", "fd00:ec2::254")
)
# IPv6 addresses that a gateway turns into the IPv4 address in them.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class HostRefused(InvalidInput):
    """This host may not be called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A checked place to connect to.

    Attributes
    ----------
    host : str
        The name in lower case, for TLS and the Host header.
    ip : str
        The address to connect to.
    """

    host: str
    port: int
    ip: str


def resolve_host(host: str, port: int) -> list[str]:
    """The IP addresses of a host, as the system resolves it; OSError without any."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as exc:  # a label that is empty or too long
        message = f"{host} is no name of a host"
        raise OSError(message) from exc
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def parse_web_address(text: str, private_hosts: Collection[str]) -> SplitResult:
    """An http or https address, split; plain http only to a host named by an admin.

    Raises
    ------
    InvalidInput
        When it is none, or carries a user, password or fragment.
    """
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as exc:
        message = f"{text[:80]!r} is no web address."
        raise InvalidInput(message) from exc
    if parts.scheme not in {"http", "https"} or not host:
        message = f"{text[:80]!r} is no address such as https://api.example.com."
        raise InvalidInput(message)
    if parts.username is not None or parts.password is not None or parts.fragment:
        message = (
            "An address carries no user, password or fragment: name the secret by"
            " reference instead."
        )
        raise InvalidInput(message)
    if parts.scheme == "http" and host.lower() not in private_hosts:
        message = (
            f"{host} is addressed without TLS; use https, or allow the host by name if"
            " it is within your own network."
        )
        raise InvalidInput(message)
    return parts


def endpoint_of(
    host: str,
    port: int,
    private_hosts: Collection[str],
    *,
    resolve: Resolve = resolve_host,
) -> Endpoint:
    """The checked address of a host.

    Parameters
    ----------
    private_hosts : collection of str
        Hosts that an admin named, in lower case: their loopback and private addresses
        are allowed. Link-local ones and those of cloud metadata never are.

    Raises
    ------
    HostRefused
        When one of its addresses is not allowed.
    OSError
        When it has no address.
    """
    name = host.lower()
    found = [
        ipaddress.ip_address(text.partition("%")[0]) for text in resolve(name, port)
    ]
    if not found:
        message = f"{name} has no address"
        raise OSError(message)
    refused = [ip for ip in found if not is_allowed(ip, named=name in private_hosts)]
    if refused:
        message = (
            f"{name} resolves to {listed([str(ip) for ip in refused])}, which is not a"
            " public address. It is called only when an admin allows the host by"
            " name; link-local and metadata addresses are never called."
        )
        raise HostRefused(message)
    return Endpoint(host=name, port=port, ip=str(found[0]))


def is_allowed(ip: IpAddress, *, named: bool) -> bool:
    """Whether the portal may connect to an address.

    Parameters
    ----------
    named : bool
        Whether an admin allowed the host by name.
    """
    inner = _inner(ip)
    if inner in _METADATA or inner.is_link_local:
        return False
    if inner.is_multicast or inner.is_unspecified:
        return False
    if inner.is_global:
        return True
    return named and (inner.is_loopback or inner.is_private)


def _inner(ip: IpAddress) -> IpAddress:
    """The IPv4 address that an IPv6 one stands for, if any."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)
