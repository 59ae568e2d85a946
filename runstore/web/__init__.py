"""The read API of the Assistants API, over an archive: an ASGI application that answers SDKs as the server did.

>>> from runstore import RunRepository
>>> from runstore.web import asgi_app
>>> app = asgi_app(RunRepository.open("runs.db"))

The application returns a run as the bytes that the archive stores, without parsing them. It only reads: each of its
transactions is read-only and has a time limit, even if others write through the same repository.
"""

from runstore.web.application import asgi_app

__all__ = ["asgi_app"]
