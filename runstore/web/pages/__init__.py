"""Pages for people, next to the API for programs: the same questions, answered in HTML.

A page asks the repository, as a program would, and has no SQL of its own. It works without JavaScript, loads nothing
from other hosts, and shows every text of a run as text: templates escape it, and the security policy of the answers
allows no script but the one file of ours.
"""
