"""Files as they come: CSV and Parquet, look-ups, faults named with file and row. The manual's example works."""

import gzip
import json
import re
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from pyarrow import parquet

from deploy.local.commands.import_ import mapping_for
from deploy.local.importer.events import days_of
from deploy.local.importer.mapping import read_mapping
from deploy.local.importer.plan import make_plan
from deploy.local.importer.state import fingerprint
from libs.common.errors import UserError

SHANGHAI = ZoneInfo("Asia/Shanghai")
MANUAL = Path(__file__).parents[2] / "docs/import.md"
HEAD = """
format = 1
store_id = "s"
member_id = "{card}"
time = { column = "at" }
"""
CHECK_IN = '[[events]]\ntype = "check_in"\nid = "{n}"\ndata = { method = "{how}" }\n'
ROWS = "n,card,at,how\n1,7,2017-01-01 10:00:00,till\n2,8,2017-01-02 10:00:00,qr\n"


def events_of(file: Path) -> list[dict[str, Any]]:
    plan = make_plan(mapping_for(file, None), SHANGHAI)
    return [json.loads(event) for day in days_of(plan, plan.first_day, plan.last_day) for event in day.events]


def a_source(folder: Path, rows: str = ROWS, mapping: str = HEAD + CHECK_IN) -> Path:
    (folder / "visits.toml").write_text(mapping)
    (folder / "visits.csv").write_text(rows, encoding="utf-8")
    return folder / "visits.csv"


def manual_example(folder: Path) -> Path:
    """The files of the example in docs/import.md."""
    blocks = re.findall(r"```(csv|toml)\n(.*?)```", MANUAL.read_text(encoding="utf-8"), re.DOTALL)
    for kind, text in blocks:
        (folder / f"visits.{kind}").write_text(text)
    return folder / "visits.csv"


def test_the_manuals_example(tmp_path: Path) -> None:
    events = events_of(manual_example(tmp_path))
    assert [(event["id"], event["type"], event["member_id"]) for event in events] == [
        ("till-1", "join", "card-77"),
        ("till-2-visit", "check_in", "card-77"),
        ("till-3-visit", "check_in", "card-77"),
        ("till-3", "purchase", "card-77"),
        ("till-4-visit", "check_in", "card-78"),
        ("till-5", "leave", "card-77"),
    ]
    assert events[0]["data"] == {"channel": "till", "district": "North"}
    assert events[0]["occurred_at"] == "2026-03-02T01:00:00.000Z"
    assert events[3]["data"]["total_minor"] == 1250


def test_a_compressed_file_or_another_separator_is_the_same_import(tmp_path: Path) -> None:
    file = a_source(tmp_path)
    expected = events_of(file)
    packed = tmp_path / "visits.csv.gz"
    packed.write_bytes(gzip.compress(ROWS.encode()))
    assert events_of(packed) == expected
    file.write_text(ROWS.replace(",", ";"))
    (tmp_path / "visits.toml").write_text(HEAD + '[source]\ndelimiter = ";"\n' + CHECK_IN)
    assert events_of(file) == expected


def test_parquet_with_its_own_types_is_the_same_import(tmp_path: Path) -> None:
    expected = events_of(a_source(tmp_path))
    at = pa.array(["2017-01-01 10:00:00", "2017-01-02 10:00:00"]).cast(pa.timestamp("us"))
    table = pa.table({"n": [1.0, 2.0], "card": [7, 8], "at": at, "how": ["till", "qr"], "unused": [None, None]})
    parquet.write_table(table, tmp_path / "visits.parquet")
    assert events_of(tmp_path / "visits.parquet") == expected


def test_rows_are_looked_up_in_other_tables_and_skipped(tmp_path: Path) -> None:
    mapping = """
[[events]]
type = "join"
id = "{n}"
data = { district = "{shop.name}", interests = ["{shop.likes}"] }
[tables.shop]
file = "shops.csv"
key = "id"
by = "how"
[[skip]]
column = "n"
below = 2
[[skip]]
column = "card"
equals = "9"
[[skip]]
column = "at"
empty = true
"""
    (tmp_path / "shops.csv").write_text("id,name,likes\nqr,Süd,\ntill,Nord,tea\n", encoding="utf-8")
    rows = ROWS + "3,9,2017-01-03 10:00:00,qr\n4,10,2017-01-03 10:00:00,web\n5,11,,qr\n6,12,2017-01-04 10:00:00,till\n"
    events = events_of(a_source(tmp_path, rows, HEAD + mapping))
    assert [(event["id"], event["data"]) for event in events] == [
        ("2", {"district": "Süd"}),
        ("4", {}),
        ("6", {"district": "Nord", "interests": ["tea"]}),
    ]


@pytest.mark.parametrize(
    ("rows", "mapping", "said"),
    [
        (ROWS.replace("2017-01-02 10:00:00", "soon"), "", "visits.csv, row 2 (below the header): at is 'soon'"),
        (ROWS.replace("8,", ","), "", "visits.csv, row 2 (below the header): member_id has an empty column"),
        (ROWS.replace("8,", "a b,"), "", "row 2 (below the header): member_id would be 'a b', but must be 1 to 64"),
        (ROWS.replace("qr", "fax"), "", "row 2 (below the header): check_in.method would be 'fax', but is none of"),
        (ROWS.replace("how", "how2"), "", "has no column 'how'. Did you mean 'how2'?"),
        (ROWS + "3,9\n", "", "cannot be read: row 3 (below the header): Expected 4 columns, got 2: 3,9"),
        ("n,card,at,how\n", "", "visits.csv holds no rows"),
        ("", "", "visits.csv cannot be read"),
        (ROWS, '[[skip]]\ncolumn = "n"\nbelow = 99\n', "every row of"),
        (ROWS, '[tables.t]\nfile = "none.csv"\nkey = "k"\nby = "how"\n', "there is no file"),
        (ROWS + "3,7,2017-01-02,qr\n", '[tables.t]\nfile = "visits.csv"\nkey = "card"\nby = "n"\n', "in two rows"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_it(tmp_path: Path, rows: str, mapping: str, said: str) -> None:
    file = a_source(tmp_path, rows, HEAD + mapping + CHECK_IN)
    with pytest.raises(UserError) as raised:
        events_of(file)
    assert said in str(raised.value)


def test_a_missing_package_is_named(tmp_path: Path) -> None:
    a_source(tmp_path, ROWS, HEAD + '[source]\npackage = "no_such_package"\nfile = "x.csv"\n' + CHECK_IN)
    with pytest.raises(UserError, match="the Python package no_such_package is not installed"):
        make_plan(read_mapping(tmp_path / "visits.toml"), SHANGHAI)


def test_a_mapping_finds_the_file_of_its_name(tmp_path: Path) -> None:
    file = a_source(tmp_path)
    assert len(events_of(tmp_path / "visits.toml")) == 2
    file.unlink()
    with pytest.raises(UserError, match="names no source, and no file of its name lies beside it"):
        events_of(tmp_path / "visits.toml")


def test_an_import_is_known_by_its_bytes_its_zone_and_where_it_goes(tmp_path: Path) -> None:
    file = a_source(tmp_path)
    mapping = mapping_for(file, None)
    first = fingerprint(mapping, "UTC", "")
    assert fingerprint(mapping_for(file, None), "UTC", "") == first
    assert fingerprint(mapping, "Asia/Shanghai", "") != first
    assert fingerprint(mapping, "UTC", "http://elsewhere") != first
    file.write_text(ROWS + " ")
    assert fingerprint(mapping, "UTC", "") != first
