"""An output of a stage as one plain file, the same bytes for the same value.

The file holds the arrays and tables of the value one after another, then a JSON text that says how they make up
the value, then the length of that text. Pickle would be shorter, but its bytes depend on which objects happen to
be shared, and opening one runs whatever code it names; a study folder is handed from person to person.

Kept are None, bool, int, float, str, list, tuple, dict, numpy arrays and numbers, pandas tables, and the
dataclasses of respine. Arrays come back as read-only views of the mapped file, so that a stack costs a worker only
the slices that it touches.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import io
import json
import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd

from respine.core.errors import InputError, ReadError

_PACKAGE = "respine"
_ALIGN = 64
_LENGTH = 8


def write_value(file: BinaryIO, value: Any) -> str:
    """Write a value into an open, empty file.

    Returns
    -------
    str
        SHA-256 of what was written: equal values have equal digests.

    Raises
    ------
    InputError
        The value holds something that is not kept.
    """
    writer = _Writer(file)
    text = json.dumps(writer.encode(value), separators=(",", ":"), allow_nan=False).encode()
    writer.write(text)
    writer.write(len(text).to_bytes(_LENGTH, "little"))
    return writer.digest.hexdigest()


def read_value(path: Path) -> Any:
    """Read a value that `write_value` wrote.

    Raises
    ------
    ReadError
        The file is missing or damaged, or this version of respine no longer has the kind of value it holds.
    """
    try:
        content = np.memmap(path, np.uint8, "r")
        length = int.from_bytes(content[-_LENGTH:].tobytes(), "little")
        text = content[-_LENGTH - length : -_LENGTH].tobytes()
        return _decode(content, json.loads(text))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ImportError) as error:
        raise ReadError(
            f"{path}: the kept output cannot be read ({type(error).__name__}: {error}); delete it and run again"
        ) from error


class _Writer:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.digest = hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> None:
        self.file.write(data)
        self.digest.update(data)
        self.size += len(data)

    def place(self, data: Any) -> list[int]:
        """Write a block at the next aligned position; its position and length in bytes."""
        self.write(bytes(-self.size % _ALIGN))
        start = self.size
        self.write(data)
        return [start, self.size - start]

    def encode(self, value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool | int | str):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, list | tuple):
            return {type(value).__name__: [self.encode(item) for item in value]}
        if isinstance(value, dict):
            return {"dict": [[self.encode(key), self.encode(item)] for key, item in value.items()]}
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            flat = np.asarray(value, order="C").reshape(-1).view(np.uint8)
            return {"array": [value.dtype.str, list(value.shape), *self.place(flat)]}
        if isinstance(value, pd.DataFrame):
            table = io.BytesIO()
            value.to_parquet(table)
            return {"table": self.place(table.getvalue())}
        if dataclasses.is_dataclass(value) and type(value).__module__.split(".")[0] == _PACKAGE:
            fields = {f.name: self.encode(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init}
            return {"object": [type(value).__module__, type(value).__qualname__, fields]}
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise InputError(f"a stage returned a value of type {kind}, which is not one of those that are kept")


def _decode(content: np.ndarray, code: Any) -> Any:
    if not isinstance(code, dict):
        return code
    ((kind, held),) = code.items()
    if kind == "float":
        return float(held)
    if kind in ("list", "tuple"):
        items = [_decode(content, item) for item in held]
        return items if kind == "list" else tuple(items)
    if kind == "dict":
        return {_decode(content, key): _decode(content, item) for key, item in held}
    if kind == "array":
        dtype, shape, start, size = held
        return content[start : start + size].view(np.ndarray).view(np.dtype(dtype)).reshape(shape)
    if kind == "table":
        start, size = held
        return pd.read_parquet(io.BytesIO(content[start : start + size].tobytes()))
    module, name, fields = held
    if module.split(".")[0] != _PACKAGE:
        raise ValueError(f"{module} is no module of respine")
    noun = getattr(importlib.import_module(module), name)
    if not (isinstance(noun, type) and dataclasses.is_dataclass(noun)):
        raise ValueError(f"{module}.{name} is no dataclass")
    return noun(**{key: _decode(content, item) for key, item in fields.items()})
