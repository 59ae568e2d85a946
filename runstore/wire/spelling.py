"""Member names in the three spellings that clients write: ``thread_id``, ``threadId`` and ``ThreadId``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Entry = str | tuple[str, str]
"""A key of an object. If the key spells a documented name differently, it is paired with that name."""


def spellings(name: str) -> tuple[str, str]:
    """Return a documented name in camelCase and in PascalCase."""
    first, *others = name.split("_")
    rest = "".join(map(_capitalized, others))
    return first + rest, _capitalized(first) + rest


def _capitalized(word: str) -> str:
    return word[:1].upper() + word[1:]


class Names:
    """The documented names of the members of one kind of object."""

    def __init__(self, documented: Iterable[str]) -> None:
        # The name of a column may be an instance of a str subclass, which is not encoded as JSON.
        self.documented = frozenset(map(str.__str__, documented))
        self._others = {
            spelling: name
            for name in self.documented
            for spelling in spellings(name)
            if spelling not in self.documented
        }

    def of(self, keys: Iterable[str]) -> dict[str, str]:
        """Return the documented names of those keys that spell one differently.

        If an object contains several spellings of a name, the documented spelling wins, otherwise the first.
        """
        if self._others.keys().isdisjoint(keys):
            return {}
        keys = tuple(keys)
        taken = self.documented.intersection(keys)
        found: dict[str, str] = {}
        for key in keys:
            if (name := self._others.get(key)) is not None and name not in taken:
                found[key] = name
                taken |= {name}
        return found

    def key_of(self, name: str, keys: Iterable[str]) -> str | None:
        """Return the key that stands for a documented name, or None."""
        keys = tuple(keys)
        return name if name in keys else next((key for key, other in self.of(keys).items() if other == name), None)


def entries(keys: tuple[str, ...], names: Mapping[str, str]) -> tuple[Entry, ...]:
    """Return the keys of an object; pair each key in *names* with its documented name."""
    return tuple((key, names[key]) if key in names else key for key in keys) if names else keys


def pairs(entries: Iterable[str | Iterable[str]]) -> list[tuple[str, str]]:
    """Return the key and the name of each entry, including entries read from JSON."""
    return [(entry, entry) if isinstance(entry, str) else tuple(entry) for entry in entries]  # type: ignore[misc]
