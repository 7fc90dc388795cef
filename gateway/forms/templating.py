"""Pages by Jinja, self-contained: every value that they show is escaped, and nothing in it is invisible."""

from __future__ import annotations

from functools import cache

import jinja2

from gateway.forms.layouts import TEMPLATES


@cache
def load_template(name: str) -> jinja2.Template:
    """A template of this room; a value that it asks for and does not get is an error."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    return environment.get_template(name)
