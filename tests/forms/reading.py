"""Reads what was printed, with programs that know nothing of how it was made."""

from __future__ import annotations

import re
import subprocess
from html.parser import HTMLParser

from tests.harness.packages import install_missing

_BLANKS = re.compile(r"[\s\u200b]+")


def squeeze(text):
    """A text without blanks and line breaks: type setting moves those."""
    return _BLANKS.sub("", text)


def read_pdf(content, *, layout="-raw"):
    """The text of a PDF without blanks; fails unless it is one."""
    install_missing("poppler-utils")
    done = subprocess.run(["pdftotext", layout, "-", "-"], input=content, capture_output=True, check=True)
    assert not done.stderr, done.stderr
    return squeeze(done.stdout.decode())


def count_pages(content):
    install_missing("poppler-utils")
    done = subprocess.run(["pdfinfo", "-"], input=content, capture_output=True, check=True)
    return int(re.search(r"Pages:\s+(\d+)", done.stdout.decode())[1])


class Page(HTMLParser):
    """An HTML page: its tags with their attributes, and its text."""

    def __init__(self, content):
        super().__init__()
        self.tags = []
        self.words = []
        self.feed(content.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if not self.tags or self.tags[-1][0] != "style":
            self.words.append(data)

    @property
    def text(self):
        return squeeze("".join(self.words))
