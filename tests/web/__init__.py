"""The read API over HTTP."""
