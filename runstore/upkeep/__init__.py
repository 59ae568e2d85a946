"""Maintenance of an archive: verifying it, comparing it, copying it, deleting from it."""
