"""The read operations of the Assistants API for an archive, as an ASGI application that SDKs can use.

>>> from runstore import RunRepository
>>> from runstore.web import asgi_app
>>> app = asgi_app(RunRepository.open("runs.db"))

The application returns runs without parsing them. It never writes: each of its transactions is read-only and has a time
limit, even if other code writes through the same repository.
"""

from runstore.web.application import asgi_app

__all__ = ["asgi_app"]
