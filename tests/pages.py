"""Pages in a browser, and what goes wrong in them."""

from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def opened(browser: Any, file: Path, *, width: int = 1200, dark: bool = False):
    """A page of Playwright that shows a file; at the end it must have loaded nothing else, and have said nothing on the console."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    wrong: list[str] = []
    page.on("request", lambda request: wrong.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(file.as_uri())
    try:
        yield page
        assert wrong == [file.as_uri()]
    finally:
        page.close()


def focused(page: Any, attribute: str) -> str | None:
    """An attribute of the element that has the focus."""
    return page.evaluate("name => document.activeElement.getAttribute(name)", attribute)
