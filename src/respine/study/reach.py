"""Where the path of a recording may lead."""

from __future__ import annotations

import os
from pathlib import Path

ALLOWED = "a path inside the study folder, or an absolute path"


def resolve_path(folder: Path, text: str) -> Path | None:
    """Find a path as recordings.csv gives it; returns None where it is not allowed.

    Allowed is an absolute path, or a path inside the study folder: one that leaves it through `..` would point
    elsewhere as soon as the folder is moved. Links inside the folder may lead anywhere.
    """
    if "://" in text or "\0" in text:
        return None
    if os.sep == "/" and "\\" in text and not (folder / text).exists():
        text = text.replace("\\", "/")  # the table was written on Windows
    path = Path(text)
    if path.is_absolute():
        return path
    inside = os.path.normpath(text)
    if inside == ".." or inside.startswith(".." + os.sep) or inside == ".":
        return None
    return folder / inside
