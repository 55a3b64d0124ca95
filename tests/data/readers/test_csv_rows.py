import pytest

from tf_ssd.data.readers.csv_rows import CsvRows
from tf_ssd.errors import DatasetError

ROW = ["a.jpg", "dog", "1", "2", "30", "40"]


@pytest.fixture
def rows(tmp_path):
    """Write a text and read its rows."""

    def rows(text: str | bytes) -> list[tuple[int, list[str]]]:
        (tmp_path / "labels.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
        read = CsvRows(tmp_path / "labels.csv")
        return [(line, read.six(line, fields)) for line, fields in read]

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


@pytest.mark.parametrize(
    "text",
    [
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,200,100,dog,1,2,30,40",  # tutorials of TensorFlow
        "ImageID;Source;Label;XMin;XMax;YMin;YMax\n a.jpg;x;dog;1;30;2;40",
        "class\tx_min\ty_min\tx_max\ty_max\timg_path\ndog\t1\t2\t30\t40\ta.jpg",
        "picture,x1,y1,x2,y2,kind\na.jpg,1,2,30,40,dog",
        "\n,name,image,left,top,right,bottom\n0,dog,a.jpg,1,2,30,40",  # an index without a name
        "filename,classid,category_name,xmin,ymin,xmax,ymax\na.jpg,7,dog,1,2,30,40",  # the name of a class goes before its number
    ],
)
def test_columns_are_found_by_their_names(rows, text):
    assert rows(text)[0][1] == ROW


IMAGES = "filename|file_name|file|image|image_name|image_path|image_id|imageid|img|img_path|path|name"
CLASSES = "class|class_name|label|label_name|labelname|category|category_name|classid|class_id|name"


@pytest.mark.parametrize("label", CLASSES.split("|"))
def test_each_name_of_a_column_of_classes(rows, label):
    assert rows(f"x,{label.title()},xmin,ymin,xmax,ymax,filename\nx,dog,1,2,30,40,a.jpg")[0][1] == ROW


@pytest.mark.parametrize("image", IMAGES.split("|"))
def test_each_name_of_a_column_of_images(rows, image):
    assert rows(f"x,{image.title()},xmin,ymin,xmax,ymax,class\nx,a.jpg,1,2,30,40,dog")[0][1] == ROW


def test_a_row_without_a_box_among_other_columns(rows):
    text = "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,200,100,,,,,\n"
    assert rows(text) == [(2, ["a.jpg", "", "", "", "", ""])]


@pytest.mark.parametrize("before", ["", "b.jpg,,,,,\n", "b.jpg,1,2,30,40,7\n"])
def test_the_class_may_come_last_without_a_header(rows, before):
    """As RetinaNet's tools write it; the first row whose class is no number decides."""
    assert rows(f"{before}a.jpg,1,2,30,40,dog\n")[-1][1] == ROW


def test_later_rows_do_not_decide(rows):
    assert rows("a.jpg,dog,1,2,30,40\nb.jpg,1,2,30,40,dog\n")[0][1] == ROW


def test_numbers_alone_are_in_our_order(rows):
    assert rows("7,1,2,3,30,40\n") == [(1, ["7", "1", "2", "3", "30", "40"])]


BAD = {
    "other corners": (
        "name,class,x,y,width,height\n",
        "the header 'name,class,x,y,width,height' does not name the columns xmin, ymin",
    ),
    "no image": (
        "width,height,depth,class,xmin,ymin,xmax,ymax\n",
        "the header width, .* has no column for the image; call it image",
    ),
    "no class": ("image,width,height,xmin,ymin,xmax,ymax\n", "the header image, .* has no column for the class; call it class"),
    "a column twice": ("image,class,xmin,ymin,xmax,ymax,xmin\n", "the header names the column 'xmin' twice; rename one"),
    "too few in the first row": (
        "a.jpg,dog,1,2,3",
        r"the first row 'a\.jpg,dog,1,2,3' neither names the columns xmin, ymin, xmax, ymax nor has 6 fields between commas",
    ),
    "two delimiters": ("a,b,c,d,e,f;b;c;d;e;f", "the first row .* neither"),
    "spaces": ("a.jpg dog 1 2 30 40", "the first row .* neither"),
    "too few later": (
        "a.jpg,dog,1,2,30,40\n\nb.jpg,dog\n",
        "line 3: 2 fields instead of 6: name,class,xmin,ymin,xmax,ymax; correct",
    ),
    "too many later": ("a.jpg,dog,1,2,30,40\nb.jpg,dog,1,2,3,4,5\n", "line 2: 7 fields instead of 6"),
    "other than the header": (
        "image,class,depth,x1,y1,x2,y2\nb.jpg,dog,1,2,3,4\n",
        "line 2: 6 fields instead of 7: as the header has",
    ),
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
        CsvRows(tmp_path / "gone.csv")
