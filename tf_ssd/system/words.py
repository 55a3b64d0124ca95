"""Words in messages: numbers of things, and what somebody may have meant."""

from collections.abc import Iterable
from difflib import get_close_matches


def counted(count: int, noun: str) -> str:
    """A number of things: "1 box", "2 boxes", "1,000 entries"."""
    return f"{count:,} {noun if count == 1 else _plural(noun)}"


def nearest(word: str, known: Iterable[str]) -> str:
    """A question whether something that is known was meant; empty if nothing is like the word."""
    names = {name.lower(): name for name in known}
    near = [word.lower()] if word.lower() in names else get_close_matches(word.lower(), names, n=3, cutoff=0.3)
    return f"did you mean {' or '.join(names[name] for name in near)}?" if near else ""


def _plural(noun: str) -> str:
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"
