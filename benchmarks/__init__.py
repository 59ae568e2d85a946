"""How fast and how small the archive is, beside what else one could do with the same file.

Run it with ``python -m benchmarks`` in a checkout, after ``pip install -e '.[bench]'``.
"""
