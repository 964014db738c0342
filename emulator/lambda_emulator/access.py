"""Refusal of requests that a web page may send without the developer's knowledge.

A web page can give its own name an address of this machine (DNS rebinding). To the browser, a server here then belongs
to the page, which may send it requests and read its responses. The page cannot change the `Host` header: it holds the
page's own name. So every server answers only to names that no page can have.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

_LOCAL_NAME = "localhost"

_AUTHORITY = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]]+)(?::\d*)?")
"""Name or address, and an optional port. An IPv6 address is in brackets."""


@dataclass(frozen=True, slots=True)
class RequestSource:
    """Facts about a request that tell where it comes from. `hosts` is empty if the request names none."""

    hosts: tuple[str, ...]
    local_address: str
    """Address of this machine at which the request arrived."""
    has_origin: bool
    """True if the request has the header `Origin`, which only browsers send."""


@dataclass(frozen=True, slots=True)
class Access:
    """Rules for the requests that a server accepts."""

    names: frozenset[str] = frozenset()
    """Names that the server answers to, besides its address, `localhost` and `*.localhost`."""
    allows_pages: bool = False
    """True if web pages may send requests. A Function URL lets them, and its CORS rules tell which may read."""

    def refusal(self, source: RequestSource) -> str:
        """Return the reason why a request is refused, or an empty text."""
        if source.has_origin and not self.allows_pages:
            return "A request with the header Origin comes from a web page, which may not use this server. Send none."
        if not source.hosts:
            return "A request without the header Host is refused. Send the address of this server in it."
        refused = next((host for host in source.hosts if not self._answers_to(host, source.local_address)), None)
        return "" if refused is None else self._refusal_of_host(refused, source.local_address)

    def _answers_to(self, host: str, local_address: str) -> bool:
        name = host_name(host)
        return name.endswith(f".{_LOCAL_NAME}") or name in self._own_names(local_address)

    def _own_names(self, local_address: str) -> Iterator[str]:
        yield _LOCAL_NAME
        yield normal_name(local_address)
        yield from self.names

    def _refusal_of_host(self, host: str, local_address: str) -> str:
        names = ", ".join(sorted({*self._own_names(local_address), f"*.{_LOCAL_NAME}"}))
        name = host_name(host)
        fix = f" To allow it, start the emulator with --allowed-host {name}." if name else ""
        return f"The host {host!r} is refused. The emulator answers to: {names}.{fix}"


def host_name(authority: str) -> str:
    """Return the name in `name`, `name:port` or `[address]:port`, or an empty text if it has another form."""
    match = _AUTHORITY.fullmatch(authority)
    return normal_name(match["name"]) if match else ""


def normal_name(name: str) -> str:
    """Return a name in lower case, without the dot of the root domain, and an address in its shortest form."""
    plain = name.strip("[]").partition("%")[0].lower().removesuffix(".")
    try:
        return str(ipaddress.ip_address(plain))
    except ValueError:
        return plain
