"""The read API of the Assistants API, over an archive: an ASGI application that answers SDKs as the server did.

>>> from runstore import RunRepository
>>> from runstore.web import asgi_app
>>> app = asgi_app(RunRepository.open("runs.db"))

A run is answered as the bytes that the archive keeps; nothing is parsed on the way. The application reads alone: each
of its transactions is read-only and has a time limit, also on the connections of a repository that others write with.
"""

from runstore.web.application import asgi_app

__all__ = ["asgi_app"]
