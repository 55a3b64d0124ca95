"""Names of files as text."""


def printable(name: str) -> str:
    r"""A name as text that every encoding of Unicode can hold.

    Linux allows names that are not UTF-8. Their odd bytes are written as messages show them: "caf\udce9.jpg" for the byte E9.
    """
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
