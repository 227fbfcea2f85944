"""The content of a recording in one hash, computed once as long as its files stay as they are."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from respine.core.errors import ReadError
from respine.io.stack_files import open_stack
from respine.study.graph import Source


class Fingerprints:
    """Hashes of files, remembered by path, size and time of change.

    Parameters
    ----------
    study : Path
        The folder that relative paths start from.
    memory : Path
        A JSON file; need not exist.
    """

    def __init__(self, study: Path, memory: Path) -> None:
        self.study = study
        self.memory = memory
        self._known = _read_memory(memory)

    def take(self, source: Source) -> Source:
        """Return the source with the hash of its content (of a file, its SHA-256), its stamp and its size.

        Raises
        ------
        ReadError
            The recording is not there, or a file of it cannot be read.
        """
        root = self.study / source.path
        try:
            stamp, files = take_stamp(root), list(_files_of(root))
            n_bytes = sum(path.stat().st_size for path in files)
            sha256 = self._hash(root) if files == [root] else self._hash_all(files, root)
        except OSError as error:
            raise ReadError(f"{root}: cannot be read: {error.strerror or error}") from error
        return dataclasses.replace(source, sha256=sha256, stamp=stamp, n_bytes=n_bytes)

    def remember(self) -> None:
        """Write what was hashed, for the next time."""
        temporary = self.memory.with_suffix(".new")
        temporary.write_text(json.dumps(self._known, indent=0, sort_keys=True))
        os.replace(temporary, self.memory)

    def _hash_all(self, files: list[Path], root: Path) -> str:
        """Hash of the names and contents of files; the name of the recording itself does not count."""
        base = root if root.is_dir() else root.parent
        digest = hashlib.sha256()
        for path in files:
            name = Path(os.path.relpath(path, base)).as_posix()
            digest.update(f"{name} {self._hash(path)}\n".encode())
        return digest.hexdigest()

    def _hash(self, path: Path) -> str:
        state = path.stat()
        found = self._known.get(str(path.absolute()))
        if found and found[:2] == [state.st_size, state.st_mtime_ns]:
            return found[2]
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self._known[str(path.absolute())] = [state.st_size, state.st_mtime_ns, digest]
        return digest


def take_stamp(root: Path) -> str:
    """Hash of the sizes and times of change of a recording's files; cheap, for seeing that nothing changed."""
    stamp = hashlib.sha256()
    for path in _files_of(root):
        state = path.stat()
        stamp.update(f"{path.name} {state.st_size} {state.st_mtime_ns}\n".encode())
    return stamp.hexdigest()


def _files_of(root: Path) -> Iterator[Path]:
    """Every file of a recording, sorted: itself, a whole folder, the folder of a Bruker XML, the set of an OME-TIFF."""
    if root.name.lower().endswith((".ome.tif", ".ome.tiff")) and root.is_file():
        yield from sorted({root, *open_stack(root).files})
        return
    if root.suffix.lower() == ".xml":
        root = root.parent
    if not root.is_dir():
        yield root
        return
    yield from sorted(path for path in root.rglob("*") if path.is_file())


def _read_memory(memory: Path) -> dict[str, list]:
    """Return what was remembered; a file that was cut off is only forgotten, since every hash can be taken anew."""
    if not memory.exists():
        return {}
    try:
        known = json.loads(memory.read_text())
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}
