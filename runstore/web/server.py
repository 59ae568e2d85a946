"""The application behind a socket, until a signal ends it."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from contextlib import ExitStack, suppress

import uvicorn
from starlette.types import ASGIApp

from runstore.errors import ConfigurationError, RunStoreError
from runstore.web.guard import HEADER_BYTES, LONGEST_URL
from runstore.web.protocol import ImpatientProtocol

DRAIN_SECONDS = 25
"""For which requests may go on after a signal: Kubernetes kills after 30."""

IDLE_SECONDS = 30
"""For which a connection may be without a request."""

CONNECTIONS = 500
"""Connections of clients at a time; to further ones the server is unavailable. Processes may often have 1,024 files."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names of this machine for itself."""


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hosts_of(host: str, allowed: tuple[str, ...], *, with_key: bool) -> tuple[str, ...] | None:
    """The names by which requests may address the server; None for any.

    Raises :class:`ConfigurationError` where others could connect and no key is needed.
    """
    if is_loopback(host):
        return (*LOOPBACK, host, *allowed)
    if not with_key:
        raise ConfigurationError(
            detail=f"--host {host} lets other machines connect, and whoever connects could read all runs; "
            "name the variable of a key with --api-key-env, or leave --host out"
        )
    return (host, *allowed) if allowed else None


def serve(app: ASGIApp, host: str, port: int, started: Callable[[str], None]) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those at hand.

    *started* is called with the URL once connections are taken. Raises :class:`RunStoreError` where the address cannot
    be had.
    """
    with _listener(host, port) as listener:
        address, port = listener.getsockname()[:2]
        config = uvicorn.Config(
            app,
            http=ImpatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=CONNECTIONS,
            h11_max_incomplete_event_size=LONGEST_URL + HEADER_BYTES,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        started(f"http://{f'[{address}]' if ':' in address else address}:{port}")
        with suppress(KeyboardInterrupt):  # uvicorn sends itself the signal that has ended it
            uvicorn.Server(config).run(sockets=[listener])


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With its protocol, which socket.create_server leaves out: asyncio turns off Nagle's algorithm only where it
        # is TCP, and with it an answer in two pieces takes 40 ms longer.
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket(family, kind, protocol))
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(128)
            stack.pop_all()
    except OSError as error:
        raise RunStoreError(detail=f"cannot listen on {host} port {port}: {error.strerror}") from error
    return listener
