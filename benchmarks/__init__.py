"""Benchmarks of the archive's speed and size, compared with other ways to store the same file.

Run them with ``python -m benchmarks`` in a checkout, after ``pip install -e '.[bench]'``.
"""
