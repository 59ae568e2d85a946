"""Faults that really happen: processes killed, servers stopped, disks full, writers that meet, files that lie.

Each module makes one kind of fault, as often as it is asked to, and gives counts. ``python -m tests.faults`` makes many
(about half an hour) and prints what the documentation says of them; ``tests/faults/test_faults.py`` makes a few.
"""
