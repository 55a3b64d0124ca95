"""Pages of HTML that need no other file and ask for none, in one manner: light and dark, for any width, by keyboard."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def page(package: str, name: str, **values: Any) -> str:
    """The text of a page.

    What every page has (palette, tables, focus; a list that is one stop of the Tab key) stands in the templates of this room, in
    page.css and page.js. The browser is told to load nothing, and to run and apply only what is written here.

    Args:
        package: whose folder `templates` has `name`.html.j2, which extends page.html.j2, `name`.css and `name`.js.
        name: of the page.
        values: for the template; texts are escaped.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("tf_ssd.drawing")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style, script = (
        "\n".join(environment.get_template(f"{part}.{suffix}").render() for part in ("page", name)) for suffix in ("css", "js")
    )
    allowed = f"img-src data:; style-src {_hash(style)}; script-src {_hash(script)}"
    policy = f"default-src 'none'; base-uri 'none'; form-action 'none'; {allowed}"
    return environment.get_template(f"{name}.html.j2").render(style=Markup(style), script=Markup(script), policy=policy, **values)


def _hash(text: str) -> str:
    """As a Content-Security-Policy names a style or a script that may be used."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"
