"""Array literals as Postgres reads them."""

from libs.common.arrays import any_texts, columns, flags, floats, numbers, octets, texts


def test_each_kind_of_column() -> None:
    assert numbers([1, None, -3]) == "{1,null,-3}"
    assert floats([1.5, float("-inf")]) == "{1.5,-inf}"
    assert flags([True, False]) == "{true,false}"
    assert texts(["a", None, 'b"\\', "茶"]) == '{"a",null,"b\\"\\\\","茶"}'
    assert any_texts(["a\nb", None, '"\\']) == '{"a\nb",NULL,"\\"\\\\"}'
    assert octets([b"\x00\xff", None, b""]) == '{"\\\\x00ff",NULL,"\\\\x"}'


def test_rows_become_columns() -> None:
    assert columns([("a", 1), ("b", 2)], texts, numbers) == ['{"a","b"}', "{1,2}"]
