"""A proxy before a PostgreSQL server that can be closed, and can answer as a server that accepts no connections."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

from sqlalchemy.engine import URL

_NO_ENCRYPTION = (80877103, 80877104)
"""Codes of the requests for TLS and GSSAPI, which come before the connection proper."""


def refusal(state: str, text: str, *, asks: bool = False) -> bytes:
    """The response of a server that refuses: an ErrorResponse; with *asks*, it requests a password first."""
    fields = b"".join(f"{kind}{value}\0".encode() for kind, value in (("S", "FATAL"), ("C", state), ("M", text)))
    asked = b"R" + struct.pack("!II", 8, 3) if asks else b""
    return asked + b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0"


class Door:
    """Listens on a separate port. Each connection gets the next of *refusals*; further ones are forwarded to *url*."""

    def __init__(self, url: URL | None, *refusals: bytes) -> None:
        self._url = url
        self._refusals = list(refusals)
        self._open: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.connections = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shut()
        self._thread.join()

    @property
    def url(self) -> URL:
        """The URL of the server through the proxy."""
        here = self._url or URL.create("postgresql+psycopg", "user", "s3cr3t", database="runs")
        here = here.difference_update_query(["host", "port"])
        host, port = self._listening.getsockname()
        return here.set(host=host, port=port)

    def shut(self) -> None:
        """Close all connections, and accept no more."""
        for each in (self._listening, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(client)
            threading.Thread(target=self._lead, args=(client,), daemon=True).start()

    def _lead(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            startup = _startup(client)
            if self._refusals or self._url is None:
                client.sendall(self._refusals.pop(0) if len(self._refusals) > 1 or self._url else self._refusals[0])
                client.recv(1024)  # the password, or the end
                return
            with _connected(self._url) as server:
                self._open.append(server)
                server.sendall(startup)
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()


def _startup(client: socket.socket) -> bytes:
    while True:
        head = client.recv(8, socket.MSG_WAITALL)
        size, code = struct.unpack("!II", head)
        if code not in _NO_ENCRYPTION:
            return head + client.recv(size - 8, socket.MSG_WAITALL)
        client.sendall(b"N")


def _connected(url: URL) -> socket.socket:
    host = str(url.host or url.query.get("host"))
    if host.startswith("/"):
        server = socket.socket(socket.AF_UNIX)
        server.connect(f"{host}/.s.PGSQL.{url.port or 5432}")
        return server
    return socket.create_connection((host, url.port or 5432))


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(65536):
            target.sendall(piece)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
