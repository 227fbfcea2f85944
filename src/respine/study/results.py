"""The results folder of a study: tables as Parquet, the provenance, and the kept outputs of the stages."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pandas as pd

from respine.core.errors import InputError, ReadError, TableError
from respine.core.tables import TABLES, Table
from respine.study.cache import Cache
from respine.study.graph import Task


class Results:
    """What respine wrote for a study.

    Parameters
    ----------
    study : Path
        The study's folder.
    """

    def __init__(self, study: Path) -> None:
        self.study = Path(study)
        self.folder = self.study / "results"
        self.cache = Cache(self.folder / "cache")

    @property
    def report(self) -> Path:
        """Where the report is."""
        return self.folder / "report.html"

    def table_names(self) -> tuple[str, ...]:
        """Return the names of the tables that there are."""
        return tuple(sorted(path.stem for path in (self.folder / "tables").glob("*.parquet")))

    def read_table(self, name: str) -> pd.DataFrame:
        """Read a result table.

        Raises
        ------
        InputError
            There is no such table; the message names those that there are.
        """
        path = self._table_path(name)
        if not path.exists():
            there = ", ".join(self.table_names()) or "none yet: run the study first"
            raise InputError(f"{self.study}: no table {name}; the tables are: {there}")
        return TABLES[name].conform(pd.read_parquet(path))

    def write_table(self, name: str, frame: pd.DataFrame) -> None:
        """Write a result table, whole or not at all, with the unit and meaning of every column.

        Raises
        ------
        TableError
            The table is not declared, or does not match its declaration.
        """
        if name not in TABLES:
            raise TableError(f"table {name} is not declared; the declared ones are: {', '.join(TABLES)}")
        path = self._table_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        _write_parquet(temporary, TABLES[name], TABLES[name].conform(frame))
        os.replace(temporary, path)

    def drop_table(self, name: str) -> None:
        """Delete a result table, if there is one."""
        self._table_path(name).unlink(missing_ok=True)

    def read_provenance(self) -> dict[str, Any]:
        """Read how the results were made.

        Raises
        ------
        ReadError
            The study has not been run, or the file is damaged.
        """
        path = self.folder / "provenance.json"
        try:
            return json.loads(path.read_text())
        except FileNotFoundError as error:
            raise ReadError(f"{path}: not there; run the study first: respine run {self.study}") from error
        except ValueError as error:
            raise ReadError(f"{path}: damaged ({error}); run the study again: respine run {self.study}") from error

    def write_provenance(self, provenance: dict[str, Any]) -> None:
        """Write how the results were made."""
        self._write_text(self.folder / "provenance.json", json.dumps(provenance, indent=1, ensure_ascii=False) + "\n")

    def write_report(self, html: str) -> None:
        """Write the report."""
        self._write_text(self.report, html)

    def outputs(self, stage: str) -> dict[Task, Any]:
        """Return the outputs of a stage in the last run, in the order of the study.

        Raises
        ------
        ReadError
            The study has not been run, or an output is damaged.
        """
        return {
            task: self.cache.load(stage, made["key"])
            for made in self.read_provenance()["tasks"]
            if made["stage"] == stage
            for task in [Task(stage, made["subject"], made["fov"], made["session"])]
        }

    def _table_path(self, name: str) -> Path:
        return self.folder / "tables" / f"{name}.parquet"

    @staticmethod
    def _write_text(path: Path, text: str) -> None:
        temporary = path.with_suffix(".new")
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)


def _write_parquet(path: Path, table: Table, frame: pd.DataFrame) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.Table.from_pandas(frame, preserve_index=False)
    about = {column.name: {"unit": column.unit, "meaning": column.meaning} for column in table.columns}
    fields = [content.schema.field(name).with_metadata(meaning) for name, meaning in about.items()]
    pq.write_table(content.cast(pa.schema(fields, content.schema.metadata)), path)
