"""The HTTP server: it runs the application until a signal arrives."""

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
"""Seconds for which requests may continue after a signal; Kubernetes kills after 30."""

IDLE_SECONDS = 30
"""Seconds for which a connection may be idle."""

CONNECTIONS = 500
"""Maximum number of client connections; further ones get 503. A process is often limited to 1,024 open files."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names and addresses of the local machine."""


def is_loopback(host: str) -> bool:
    """Return whether only the local machine can connect to an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hosts_of(host: str, allowed: tuple[str, ...], *, with_key: bool) -> tuple[str, ...] | None:
    """Return the accepted values of the Host header, or None if any is accepted.

    Raises :class:`ConfigurationError` if other machines could connect without a key.
    """
    if is_loopback(host):
        return (*LOOPBACK, host, *allowed)
    if not with_key:
        raise ConfigurationError(
            detail=f"--host {host} lets other machines connect, and every client could read all runs; "
            "name the variable of a key with --api-key-env, or leave --host out"
        )
    return (host, *allowed) if allowed else None


def serve(app: ASGIApp, host: str, port: int, started: Callable[[str], None]) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish those in progress.

    *started* is called with the URL once the server accepts connections. Raises :class:`RunStoreError` if the address
    cannot be used.
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
