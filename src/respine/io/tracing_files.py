"""The one door to tracings on disk: finds the format by the ending of the name and reads it."""

from __future__ import annotations

from pathlib import Path

from respine.core.dendrite import Tracing
from respine.core.errors import ReadError
from respine.io.swc import read_swc
from respine.io.tracing_csv import read_tracing_csv

_READERS = {".swc": read_swc, ".csv": read_tracing_csv}


def read_tracing(path: str | Path) -> Tracing:
    """Read a tracing, whatever its format.

    Parameters
    ----------
    path : path
        An SWC or CSV file.

    Raises
    ------
    ReadError
        Its ending is another, it cannot be read, or it is no tracing.
    """
    path = Path(path)
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ReadError(f"{path}: found a name that ends in {path.suffix!r}; expected {' or '.join(_READERS)}")
    return reader(path)
