"""The tests of the documentation: every block of every page is executed, and nothing is left out.

``python -m tests.docs --write`` renews the outputs in the pages; read what it has changed before you commit it.
"""
