"""Outputs of stages, kept under the hash of what they were made from.

An output is two files: `KEY.out`, the value, and `KEY.json`, what is known about it. Both are written under
another name, flushed to the disk and renamed, the second one last: an output is there when its `.json` is. A run that
is killed leaves at most files in `unfinished`, which the next run deletes.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from respine.study.codec import read_value, write_value


@dataclass(frozen=True)
class Kept:
    """What is known about a kept output: the hash of its content, when it was made and what time that took."""

    key: str
    digest: str
    made_at: str
    seconds: float
    cpu_seconds: float
    n_bytes: int


class Cache:
    """A folder of kept outputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, stage: str, key: str) -> Kept | None:
        """Return what is known about an output, None where it has not been made."""
        path = self._path(stage, key, ".json")
        if not path.exists():
            return None
        return Kept(**json.loads(path.read_text()))

    def load(self, stage: str, key: str) -> Any:
        """Read an output.

        Raises
        ------
        ReadError
            It is missing or damaged.
        """
        return read_value(self._path(stage, key, ".out"))

    def keep(self, stage: str, key: str, value: Any, made_at: str, seconds: float, cpu_seconds: float) -> Kept:
        """Write an output, whole or not at all.

        Raises
        ------
        InputError
            The value holds something that is not kept.
        """
        unfinished = self.folder / "unfinished"
        unfinished.mkdir(parents=True, exist_ok=True)
        out, about = (unfinished / f"{uuid.uuid4().hex}{suffix}" for suffix in (".out", ".json"))
        with out.open("wb") as file:
            digest = write_value(file, value)
            n_bytes = file.tell()
            _flush(file)
        kept = Kept(key, digest, made_at, seconds, cpu_seconds, n_bytes)
        with about.open("w") as file:
            json.dump(asdict(kept), file)
            _flush(file)
        self._path(stage, key, ".out").parent.mkdir(exist_ok=True)
        os.replace(out, self._path(stage, key, ".out"))
        os.replace(about, self._path(stage, key, ".json"))
        return kept

    def drop_unfinished(self) -> None:
        """Delete what a killed run left; only for who holds the lock of the study."""
        shutil.rmtree(self.folder / "unfinished", ignore_errors=True)

    def _path(self, stage: str, key: str, suffix: str) -> Path:
        return self.folder / stage / f"{key}{suffix}"


def _flush(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())
