"""Print docs/tables.md: the data dictionary, from the declarations. A test compares it with the file."""

from __future__ import annotations

from respine.core.tables import TABLES

HEAD = """# The result tables

Made by `make docs` from the declarations that every table is checked against before it is written. The tables lie in
`results/tables/` as Parquet, each column with its unit and meaning; `respine table DIR NAME --csv FILE` writes one as
CSV. A measure that failed is missing, and `reason` says why; it is never zero.
"""


def write_tables() -> str:
    """Return the page."""
    parts = [HEAD]
    for table in TABLES.values():
        parts.append(f"\n## {table.name}\n\nA row is {table.row}. Unique: {', '.join(f'`{k}`' for k in table.keys)}.\n")
        parts.append("| column | kind | unit | may be missing | meaning |\n|---|---|---|---|---|")
        for column in table.columns:
            missing = "" if column.required else "yes"
            parts.append(f"| `{column.name}` | {column.kind} | {column.unit} | {missing} | {column.meaning} |")
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    print(write_tables(), end="")
