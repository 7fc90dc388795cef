"""`python -m tests.vectors`: write the made vector files."""

from __future__ import annotations

from tests.vectors.make import FOLDER, files, render

for name, document in files():
    (FOLDER / name).write_text(render(document), encoding="utf-8")
    print(FOLDER / name)
