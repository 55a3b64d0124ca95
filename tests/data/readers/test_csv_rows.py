import pytest

from tf_ssd.data.notes import Notes
from tf_ssd.data.readers.csv_rows import read_rows
from tf_ssd.errors import DatasetError

ROW = ["a.jpg", "dog", "1", "2", "30", "40"]


@pytest.fixture
def rows(tmp_path):
    """Write a text and read its rows."""

    def rows(text: str | bytes) -> list[tuple[int, list[str]]]:
        (tmp_path / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        return list(read_rows(tmp_path / "labels.csv", Notes()))

    return rows


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found(rows, delimiter):
    assert rows(delimiter.join(ROW)) == [(1, ROW)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_rows_carry_the_number_of_their_line(rows, ending):
    assert rows(ending.join(["", ",".join(ROW), " ", ",".join(ROW), ",,,,,"])) == [(2, ROW), (4, ROW), (5, [""] * 6)]


@pytest.mark.parametrize("text", ["", "\n", " \n\t\r\n", "\ufeff"])
def test_a_file_without_rows(rows, text):
    assert rows(text) == []


def test_quotes_spaces_and_a_byte_order_mark(rows):
    assert rows('\ufeff"a, b.jpg", dog,1 , 2,30,40') == [(1, ["a, b.jpg", "dog", "1", "2", "30", "40"])]


@pytest.mark.parametrize("header", ["name,class,xmin,ymin,xmax,ymax", "\n image , label,X1, Y1,X2,Y2", "a,b,XMIN,yMin,xmax,ymax"])
def test_a_header_is_passed_over(rows, header):
    line = header.count("\n") + 2
    assert rows(f"{header}\n{','.join(ROW)}\n") == [(line, ROW)]


def test_only_the_first_row_can_be_a_header(rows):
    header = "name,class,xmin,ymin,xmax,ymax"
    assert rows(f"{','.join(ROW)}\n{header}") == [(1, ROW), (2, header.split(","))]


BAD = {
    "columns in another order": (
        "name,class,XMin,XMax,YMin,YMax\n",
        "the header ends in XMin, XMax, YMin, YMax, not in xmin, ymin",
    ),
    "too few in the first row": ("a.jpg,dog,1,2,3", r"the first row 'a\.jpg,dog,1,2,3' does not have 6 fields between commas"),
    "two delimiters": ("a,b,c,d,e,f;b;c;d;e;f", "the first row .* does not have 6 fields"),
    "spaces": ("a.jpg dog 1 2 30 40", "the first row .* does not have 6 fields"),
    "too few later": (
        "a.jpg,dog,1,2,30,40\n\nb.jpg,dog\n",
        "line 3: 2 fields instead of 6: name,class,xmin,ymin,xmax,ymax; correct",
    ),
    "too many later": ("a.jpg,dog,1,2,30,40\nb.jpg,dog,1,2,3,4,5\n", "line 2: 7 fields instead of 6"),
    "header of another line": ("name,class,xmin,ymin,xmax,ymax\nb.jpg,dog,1\n", "line 2: 3 fields instead of 6"),
    "open quote": ('a.jpg,dog,1,2,30,40\n"b.jpg,dog,1,2,3,4', "cannot be read as rows of text .unexpected end of data"),
    "text after a quote": ('a.jpg,dog,1,2,30,40\n"b"c,dog,1,2,3,4', "cannot be read as rows of text"),
    "not UTF-8": (b"a.jpg,dog,1,2,30,40\n\xff,dog,1,2,3,4", "cannot be read as rows of text .*utf-8"),
    "UTF-16": ("a.jpg,dog,1,2,30,40".encode("utf-16"), "cannot be read as rows of text .*utf-8"),
    "a long field": (
        "a.jpg,dog,1,2,30,40\n" + "b" * 200_000 + ",dog,1,2,3,4",
        "cannot be read as rows of text .field larger than field limit",
    ),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD.keys())
def test_bad_text_is_refused(rows, text, message):
    with pytest.raises(DatasetError, match=rf"labels\.csv: {message}"):
        rows(text)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DatasetError, match=r"gone\.csv: cannot be read as rows of text .*No such file"):
        list(read_rows(tmp_path / "gone.csv", Notes()))
