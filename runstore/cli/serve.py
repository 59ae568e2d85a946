"""runstore serve."""

from __future__ import annotations

import logging
import os

import click

from runstore.cli.help import Command
from runstore.cli.output import db_option, note
from runstore.cli.values import Integer, Seconds


@click.command(
    "serve",
    cls=Command,
    example=(
        "runstore serve --db runs.db\n"
        "runstore serve --host 0.0.0.0 --api-key-env ARCHIVE_KEY --allowed-host archive.example.com"
    ),
)
@db_option
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="The address to listen on; one that other machines can reach requires --api-key-env.",
)
@click.option(
    "--port",
    metavar="N",
    type=Integer(0, 65535),
    default=8000,
    show_default=True,
    help="The port to listen on; 0 chooses a free one.",
)
@click.option(
    "--api-key-env",
    "variables",
    metavar="NAME",
    multiple=True,
    help="The name of an environment variable that contains a key, which clients have to send (may be repeated).",
)
@click.option(
    "--allowed-host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="Answer only requests to this host name (may be repeated). "
    "[default: the names of this machine; with a key, any name]",
)
@click.option(
    "--allow-origin",
    "origins",
    metavar="ORIGIN",
    multiple=True,
    help="Let web pages of this origin read answers, for example https://app.example.com (may be repeated).",
)
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=Seconds(zero=False),
    default=10,
    show_default=True,
    help="Stop a statement when the database has worked on it for this long.",
)
@click.option(
    "--threads",
    metavar="N",
    type=Integer(1, 100),
    default=8,
    show_default=True,
    help="Query the database for at most N requests at a time.",
)
@click.option(
    "--requests",
    metavar="N",
    type=Integer(1),
    default=100,
    show_default=True,
    help="Accept at most N requests at a time, and answer further ones with 503.",
)
@click.option("--sql", is_flag=True, help="Offer a page at /sql for queries, which can read everything.")
@click.option(
    "--hide-text",
    is_flag=True,
    help="Return no prompts, arguments, metadata or messages, neither on pages nor through the API.",
)
def serve_command(
    db: str | None,
    host: str,
    port: int,
    variables: tuple[str, ...],
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    timeout: float,
    threads: int,
    requests: int,
    sql: bool,
    hide_text: bool,
) -> None:
    """Serve the archive over HTTP until interrupted: pages for people, and the Assistants API for programs.

    Open http://127.0.0.1:8000 in a browser. SDKs list and retrieve runs at http://127.0.0.1:8000/v1; /openapi.json
    describes the rest. Nothing can be written. Requires the extra 'serve'.
    """
    from runstore.errors import ConfigurationError, DatabaseUnreachable, SchemaBehind, SchemaNewer
    from runstore.repository import RunRepository

    try:
        from runstore.web import asgi_app, server
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("runstore"):
            raise
        detail = f"the package {error.name} is missing; install it with: pip install 'runstore[serve]'"
        raise ConfigurationError(detail=detail) from error

    keys = [_key(name) for name in variables]
    allowed = server.hosts_of(host, hosts, with_key=bool(keys))
    with RunRepository.open(db, connections=threads + 1) as archive:
        app = asgi_app(
            archive,
            api_keys=keys,
            allowed_hosts=allowed,
            allowed_origins=origins,
            timeout=timeout,
            threads=threads,
            requests=requests,
            hide_text=hide_text,
            sql=sql,
        )
        try:
            archive.check()
        except (DatabaseUnreachable, SchemaBehind, SchemaNewer) as error:  # this may pass; /readyz shows when it has
            note(f"runstore: not ready: {error}", logging.WARNING)
        server.serve(app, host, port, lambda url: note(f"runstore: {archive.place} is served at {url}", url=url))
    note("runstore: stopped")


def _key(variable: str) -> str:
    from runstore.errors import ConfigurationError

    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigurationError(detail=f"the environment variable {variable} does not contain a key")
    return key
