"""The location of the archive and the limits of migrations, taken from arguments and the environment."""

from runstore.config.limits import Limits, limits
from runstore.config.places import DEFAULT, Place, chosen, database_url, migrations_url, schema_of, shown
from runstore.config.sqlite import file_of as sqlite_file
from runstore.config.sqlite import is_in_memory
from runstore.config.sqlite import uri_of as sqlite_uri

__all__ = [
    "DEFAULT",
    "Limits",
    "Place",
    "chosen",
    "database_url",
    "is_in_memory",
    "limits",
    "migrations_url",
    "schema_of",
    "shown",
    "sqlite_file",
    "sqlite_uri",
]
