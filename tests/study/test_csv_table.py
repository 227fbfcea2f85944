import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from respine.study.csv_table import read_csv_table

PLAIN = "subject,session,time_h\nm1,s0,-24.5\nm1,s1,\n"
ROWS = [(2, {"subject": "m1", "session": "s0", "time_h": "-24.5"}), (3, {"subject": "m1", "session": "s1"})]


@pytest.fixture
def read(tmp_path):
    def read(content, required=("subject", "session"), optional=("time_h",)):
        path = tmp_path / "sessions.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        table = read_csv_table(path, required, optional)
        return [(row.line, row.cells) for row in table.rows], [str(problem) for problem in table.problems]

    return read


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.encode("utf-8-sig"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace("m1", " m1 "),
        PLAIN.replace("m1", '"m1"'),
        PLAIN.replace("\n", ",,\n"),
        PLAIN + "\n,,\n",
        PLAIN.rstrip("\n"),
    ],
    ids=["plain", "bom", "windows", "old mac", "semicolon", "tab", "spaces", "quotes", "spare", "blank", "no end"],
)
def test_tables_as_programs_write_them(read, content):
    assert read(content) == (ROWS, [])


@pytest.mark.parametrize("comment", ["# a, b; c\n", '"# a, b",,\n', '# an open quote "\n'])
def test_comments_keep_the_numbers_of_the_lines(read, comment):
    rows, problems = read(comment + PLAIN)
    assert (rows, problems) == ([(line + 1, cells) for line, cells in ROWS], [])


def test_a_header_with_many_mistakes_names_each(read):
    _, problems = read("subject,sessoin,,subject\nm1,s0,,m1\n")
    assert problems == [
        "sessions.csv, row 1, column 2: found unknown column 'sessoin'; "
        "expected 'session' (known: subject, session, time_h)",
        "sessions.csv, row 1, column 3: found a column without a name; expected a name",
        "sessions.csv, row 1, column 4: found the column subject a second time; expected each column once",
        "sessions.csv, row 1: found no column session; expected the column session",
    ]


def test_any_column_where_any_may_be(read):
    rows, problems = read("subject,cage\nm1,7\n", required=("subject",), optional=None)
    assert (rows, problems) == ([(2, {"subject": "m1", "cage": "7"})], [])


def test_rows_of_another_length(read):
    rows, problems = read("subject,session,time_h\nm1,s0\nm1,s1,1\nm1,s2,2,3\n")
    assert [line for line, _ in rows] == [3]
    assert problems == [
        "sessions.csv, row 2: found 2 cells; expected 3",
        "sessions.csv, row 4: found 4 cells; expected 3",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "sessions.csv: found no header; expected the columns subject, session"),
        (
            PLAIN.encode("utf-16"),
            "sessions.csv: found UTF-16 text; expected UTF-8 (in a spreadsheet: save as CSV UTF-8)",
        ),
        (
            "subject,session\nm1,s0\nm\u00e4,s0\n".encode("latin-1"),
            "sessions.csv, row 3: found byte 0xe4, which is no UTF-8; "
            "expected UTF-8 (in a spreadsheet: save as CSV UTF-8)",
        ),
        (b"subject,session\nm1,\0\n", "sessions.csv, row 2: found a zero byte; expected text"),
        (
            b'subject,session\nm1,"s0\n',
            "sessions.csv, row 2: found a broken line (unexpected end of data); expected valid CSV",
        ),
    ],
)
def test_what_is_no_table(read, content, message):
    rows, problems = read(content)
    assert (rows, problems) == ([], [message])


def test_no_file(tmp_path):
    table = read_csv_table(tmp_path / "sessions.csv", ["subject"], None)
    assert [str(p) for p in table.problems] == ["sessions.csv: found no such file; expected a table"]


@settings(
    deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
)
@given(st.binary(max_size=200) | st.text(alphabet='sub,;\t"\n\r# 1', max_size=200).map(str.encode))
def test_any_bytes_give_rows_or_problems(tmp_path, content):
    path = tmp_path / "sessions.csv"
    path.write_bytes(content)
    table = read_csv_table(path, ["subject", "session"], None)
    assert table.problems or {"subject", "session"} <= set(table.columns)
