import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tf_ssd.check.findings import Findings
from tf_ssd.data.images.decode import read_image
from tf_ssd.data.readers.voc import VocDataset, check_split
from tf_ssd.errors import DatasetError

SIZE = "<size><width>200</width><height>100</height><depth>3</depth></size>"


def object_xml(name="dog", box=(11, 21, 50, 60), difficult="<difficult>0</difficult>") -> str:
    corners = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    return f"<object><name>{name}</name>{difficult}<bndbox>{corners}</bndbox></object>"


def annotation_xml(*objects: str, size: str = SIZE) -> str:
    return f"<annotation>{size}{''.join(objects)}</annotation>"


class Voc:
    """A dataset being written; images are 200 x 100 px."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
            (root / folder).mkdir(parents=True)

    def add(self, name: str, xml: str, suffix: str = ".png") -> "Voc":
        (self.root / "Annotations" / f"{name}.xml").write_text(xml, encoding="utf-8")
        image_format = "PNG" if suffix.lower() == ".png" else "JPEG"
        Image.new("RGB", (200, 100), "red").save(self.root / "JPEGImages" / f"{name}{suffix}", image_format)
        return self

    def split(self, text: str, name: str = "train") -> "Voc":
        (self.root / "ImageSets" / "Main" / f"{name}.txt").write_text(text, encoding="utf-8")
        return self

    def read(self, **options) -> VocDataset:
        return VocDataset(self.root, "train", **options)


@pytest.fixture
def voc(tmp_path) -> Voc:
    return Voc(tmp_path / "data")


def one(voc: Voc, *objects: str, **options) -> VocDataset:
    return voc.add("a", annotation_xml(*objects)).split("a\n").read(**options)


# What is read


def test_corners_are_one_based_and_inclusive(voc):
    record = one(voc, object_xml(box=(11, 21, 50, 60)), object_xml(box=(1, 1, 200, 100)))[0]
    np.testing.assert_array_equal(record.boxes_px, [[10, 20, 50, 60], [0, 0, 200, 100]])
    assert record.boxes_px.dtype == np.float64


def test_records_in_the_order_of_the_split(voc):
    voc.add("b", annotation_xml(object_xml("dog"), object_xml("cat"))).add("a", annotation_xml())
    voc.add("c", annotation_xml(object_xml("cow")))
    dataset = voc.split("c\na\nb\n").read()
    assert dataset.class_names == ("cat", "cow", "dog")
    assert [record.id for record in (dataset[0], dataset[1], dataset[2])] == ["c", "a", "b"]
    assert [dataset[index].labels.tolist() for index in range(3)] == [[2], [], [3, 1]]
    assert dataset[1].boxes_px.shape == (0, 4)
    assert dataset[0].labels.dtype == np.int32
    assert (len(dataset), dataset.notes) == (3, ())


def test_an_image_is_a_path_until_it_is_read(voc):
    record = one(voc, object_xml())[0]
    assert record.image == voc.root / "JPEGImages" / "a.png"
    assert read_image(record).shape == (100, 200, 3)


def test_given_class_names_set_the_labels(voc):
    dataset = one(voc, object_xml("dog"), class_names=["person", "dog"])
    assert dataset.class_names == ("person", "dog")
    assert dataset[0].labels.tolist() == [2]


def test_given_class_names_allow_a_split_without_objects(voc):
    assert len(one(voc, class_names=["dog"])[0].labels) == 0


def test_difficult_is_kept_and_may_be_missing(voc):
    values = {"": False, " ": False, "Unspecified": False, "false": False, "False": False, "0": False, "0.0": False}
    values |= {"true": True, "TRUE": True, "1": True, "\n1 ": True}
    objects = [object_xml(difficult=f"<difficult>{value}</difficult>") for value in values]
    others = [object_xml(difficult=text) for text in ("", "<difficult/>")]
    assert one(voc, *objects, *others)[0].difficult.tolist() == [*values.values(), False, False]


DECLARED = '<?xml version="1.0" encoding="{}" ?>\n'
ENCODED = {
    "gb2312": "猫",
    "GBK": "猫",
    "GB18030": "猫",
    "Shift_JIS": "猫",
    "ISO-8859-1": "forêt",
    "windows-1251": "кот",
    "utf-8": "猫",
    "utf-16le": "forêt",
    "utf-16be": "forêt",
}


@pytest.mark.parametrize(("encoding", "name"), [*ENCODED.items(), ("utf-16", "猫"), ("ascii", "cat")])
def test_text_is_decoded_as_declared(voc, encoding, name):
    xml = DECLARED.format(encoding) + annotation_xml(object_xml(name))
    voc.add("a", "").split("a")
    (voc.root / "Annotations" / "a.xml").write_bytes(xml.encode(encoding))
    assert voc.read().class_names == (name,)


@pytest.mark.parametrize(
    ("xml", "message"),
    [
        (annotation_xml(object_xml("中文")).encode("gbk"), r"'utf-8' codec can't decode .*\); save it as UTF-8"),
        ((DECLARED.format("gbk") + annotation_xml(object_xml("猫"))).encode(), r"'gbk' codec can't .*\); save it as UTF-8"),
        ((DECLARED.format("klingon") + annotation_xml()).encode(), r"unknown encoding: klingon\); save it as UTF-8"),
        ((DECLARED.format("zlib") + annotation_xml()).encode(), r"'zlib' is not a text encoding.*\); save it as UTF-8"),
        ((DECLARED.format("gbk") + '<!DOCTYPE a [<!ENTITY b "c">]>' + annotation_xml()).encode(), "DTDForbidden"),
    ],
)
def test_text_that_cannot_be_decoded_is_refused(voc, xml, message):
    voc.add("a", "").split("a")
    (voc.root / "Annotations" / "a.xml").write_bytes(xml)
    with pytest.raises(DatasetError, match=rf"a\.xml: cannot be used as XML \(.*{message}"):
        voc.read()


def test_a_large_file_is_refused_before_it_is_read(voc):
    voc.add("a", "").split("a")
    with (voc.root / "Annotations" / "a.xml").open("wb") as file:
        file.truncate(300_000_000)
    with pytest.raises(DatasetError, match=r"a\.xml: 300000000 bytes are more than the 33554432 that an annotation of one image"):
        voc.read()


def test_an_image_with_too_many_boxes_is_refused(voc):
    with pytest.raises(DatasetError, match=r"a\.xml: 4097 boxes are more than the 4096 that an image may have; cut"):
        one(voc, *[object_xml()] * 4097)


@pytest.mark.parametrize("bad", [object_xml(box=(9, 9, 5, 9)), object_xml(box=(500, 9, 600, 20)), object_xml("cow")])
def test_nothing_follows_from_objects_that_could_not_be_read(voc, bad):
    findings = Findings("train")
    assert one(voc, bad, class_names=["dog"], notes=findings)[0].complete is False
    assert one(voc, class_names=["dog"])[0].complete is True


def test_numbers_may_be_written_as_floats(voc):
    record = one(voc, object_xml(box=("11.0", " 21.5 ", "50", "6e1")))[0]
    np.testing.assert_array_equal(record.boxes_px, [[10, 20.5, 50, 60]])


def test_parts_of_an_object_are_not_objects(voc):
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"
    record = one(voc, object_xml().replace("</object>", f"{part}</object>"))[0]
    np.testing.assert_array_equal(record.boxes_px, [[10, 20, 50, 60]])


@pytest.mark.parametrize(
    "size",
    ["", "<size></size>", SIZE.replace("200", "0"), SIZE.replace("100", "0"), "<size><width>9</width></size>"],
)
def test_without_a_size_rows_are_edges_as_annotated_and_say_where_they_stand(voc, size):
    objects = [object_xml(), object_xml(box=(0, 21, 250, 60)), object_xml(box=(9, 9, 9, 60))]
    dataset = voc.add("a", annotation_xml(*objects, size=size)).split("a").read()
    (voc.root / "JPEGImages" / "a.png").write_bytes(b"")
    record = dataset[0]
    assert record.size is None
    np.testing.assert_array_equal(record.boxes_px, [[10, 20, 50, 60], [0, 20, 250, 60]])
    assert str(record.written[1]) == f"{voc.root / 'Annotations' / 'a.xml'}: object 2 (dog): xmin=0 ymin=21 xmax=250 ymax=60"
    (dropped,) = dataset.notes
    assert dropped.startswith("boxes without area, dropped: 1: ")


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".JPG", ".JPEG", ".PNG"])
def test_suffixes_of_images(voc, suffix):
    record = voc.add("a", annotation_xml(object_xml()), suffix).split("a").read()[0]
    assert record.image.name == f"a{suffix}"


def test_suffixes_of_annotations(voc):
    voc.add("a", annotation_xml(object_xml())).split("a")
    (voc.root / "Annotations" / "a.xml").rename(voc.root / "Annotations" / "a.XML")
    assert voc.read()[0].labels.tolist() == [1]


def test_the_size_is_that_of_the_annotation(voc):
    assert one(voc, object_xml())[0].size == (200, 100)
    assert voc.add("a", annotation_xml(object_xml(), size="")).read()[0].size is None


def test_an_annotation_is_parsed_when_it_is_used(voc):
    voc.add("a", annotation_xml(object_xml())).add("b", "damaged").split("a\nb\n")
    dataset = voc.read(class_names=["dog"])
    assert dataset[0].labels.tolist() == [1]
    with pytest.raises(DatasetError, match=r"b\.xml: cannot be used as XML"):
        dataset[1]


@pytest.mark.parametrize("text", ["a  1\nb -1\n", "\n\na\n  \nb\n\n", "a\r\nb\r\n", "\ufeffa\nb"])
def test_lines_of_a_split(voc, text):
    dataset = voc.add("a", annotation_xml(object_xml())).add("b", annotation_xml()).split(text).read()
    assert [dataset[index].id for index in range(len(dataset))] == ["a", "b"]


def test_a_repeated_line_counts_once_and_is_noted(voc):
    dataset = voc.add("a", annotation_xml(object_xml())).split("a\na\n").read()
    assert len(dataset) == 1
    assert len(dataset.notes) == 1
    assert re.fullmatch(r"repeated lines, left out: 1: .*train\.txt: line 2 repeats 'a' of line 1", dataset.notes[0])


SPACED = ["photo", "photo (1)", "photo 1", "shot 2020-12-16 16.42.21", "a.b", '"', '"said"']


@pytest.mark.parametrize("form", ["{}", '"{}"', "'{}'", "{}  1", '"{}" -1', " {}\t0 ", "{}.png", "JPEGImages/{}.PNG", "./x/{}.jpg"])
def test_the_whole_line_is_the_id(voc, form):
    for name in SPACED:
        voc.add(name, annotation_xml(object_xml()))
    dataset = voc.split("\n".join(map(form.format, SPACED))).read()
    assert [dataset[index].id for index in range(len(dataset))] == SPACED
    assert dataset.notes == ()


@pytest.mark.parametrize("form", ["/home/me/{}.jpg", r"C:\data\{}.jpg", "../images/{}.jpg", "/x/Annotations/{}.xml", "x/{}"])
def test_a_line_may_be_a_path_whose_end_is_an_id(voc, form):
    (voc.root / "Annotations" / "sub").mkdir()
    (voc.root / "JPEGImages" / "sub").mkdir()
    for name in ("a", "sub/a", "b c"):
        voc.add(name, annotation_xml(object_xml()))
    dataset = voc.split("\n".join(map(form.format, ("a", "sub/a", "b c")))).read()
    assert [dataset[index].id for index in range(len(dataset))] == ["a", "sub/a", "b c"]


def test_lines_that_name_one_image_have_lost_one(voc):
    voc.add("a", annotation_xml(object_xml())).split("cats/a.jpg\ndogs/a.jpg\ncats/a.jpg\n")
    [lost, repeated] = voc.read().notes
    where = voc.root / "ImageSets/Main/train.txt"
    assert lost == (
        f"lines that name one image, left out: 1: {where}: line 2: 'dogs/a.jpg' names the image 'a', as line 1 does: "
        "'cats/a.jpg'; write ids that differ"
    )
    assert repeated.startswith("repeated lines, left out: 1: ")
    findings = Findings("train")
    voc.read(notes=findings)
    assert [(finding.severity, finding.kind) for finding in findings] == [
        ("error", "lines that name one image, left out"),
        ("warning", "repeated lines, left out"),
    ]


@pytest.mark.parametrize("index", [-1, 1])
def test_an_index_outside_is_an_index_error(voc, index):
    with pytest.raises(IndexError, match="of 1"):
        one(voc, object_xml())[index]


# Other layouts


@pytest.mark.parametrize("folders", [("annotations", "images"), ("Annotations", "images"), ("annotations", "JPEGImages")])
def test_other_names_of_the_folders(voc, folders):
    voc.add("a", annotation_xml(object_xml())).split("a")
    for old, new in zip(("Annotations", "JPEGImages"), folders, strict=True):
        (voc.root / old).rename(voc.root / new)
    assert voc.read()[0].image == voc.root / folders[1] / "a.png"


@pytest.mark.parametrize("place", ["Annotations/a.png", "a.png", "Annotations/sub/other.jpg", "other.jpg"])
def test_an_image_elsewhere_is_found_by_its_name_or_as_the_annotation_says(voc, place):
    name = place.removeprefix("Annotations/").replace("/", "\\")
    voc.add("a", annotation_xml(f"<filename>{name}</filename>", object_xml())).split("a")
    (voc.root / place).parent.mkdir(exist_ok=True)
    (voc.root / "JPEGImages" / "a.png").rename(voc.root / place)
    assert voc.read()[0].image == voc.root / place


@pytest.mark.parametrize("place", ["Annotations/a.png", "a.png"])
def test_an_image_beside_its_annotation_needs_no_filename(voc, place):
    voc.add("a", annotation_xml(object_xml())).split("a")
    (voc.root / "JPEGImages" / "a.png").rename(voc.root / place)
    assert voc.read()[0].image == voc.root / place


def test_a_filename_that_leads_out_is_looked_for_by_its_last_part(voc):
    voc.add("a", annotation_xml(r"<filename>C:\photos\b.png</filename>", object_xml())).split("a")
    (voc.root / "JPEGImages" / "a.png").rename(voc.root / "JPEGImages" / "b.png")
    assert voc.read()[0].image == voc.root / "JPEGImages" / "b.png"
    assert VocDataset(voc.root, "all").notes == ()


def test_the_split_all_is_every_annotation(voc):
    voc.add("b", annotation_xml(object_xml())).add("a", annotation_xml())
    Image.new("RGB", (200, 100)).save(voc.root / "JPEGImages" / "c.png")
    dataset = VocDataset(voc.root, "all")
    assert [dataset[index].id for index in range(len(dataset))] == ["a", "b"]
    assert dataset.notes == (f"images without an annotation, left out: 1: {voc.root / 'JPEGImages' / 'c'}",)


def test_a_file_for_the_split_all_goes_first(voc):
    voc.add("b", annotation_xml(object_xml())).add("a", annotation_xml()).split("b\n", "all")
    assert len(VocDataset(voc.root, "all")) == 1


@pytest.fixture
def folder(tmp_path) -> Path:
    """Images and XML files in one folder."""
    for name, suffix in (("a", ".JPG"), ("b c", ".png")):
        Image.new("RGB", (200, 100)).save(tmp_path / f"{name}{suffix}")
        (tmp_path / f"{name}.xml").write_text(annotation_xml(object_xml()))
    return tmp_path


def test_images_and_annotations_in_one_folder(folder):
    dataset = VocDataset(folder, "all")
    assert [(dataset[index].id, dataset[index].image.name) for index in range(2)] == [("a", "a.JPG"), ("b c", "b c.png")]
    assert read_image(dataset[0]).shape == (100, 200, 3)
    assert dataset.notes == ()


def test_that_one_folder_is_one_split_is_said_with_how_to_keep_some_apart(folder):
    message = r"nor a folder val; 'all' is every annotation; to keep some for validation, move them with their images into folders"
    with pytest.raises(DatasetError, match=message):
        check_split(folder, "val")


def test_splits_of_one_folder(folder):
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    (folder / "ImageSets" / "Main" / "val.txt").write_text("a\n")
    assert len(VocDataset(folder, "val")) == 1
    with pytest.raises(DatasetError, match=r"there is no split 'train'; choose one of: val; or 'all'"):
        VocDataset(folder, "train")


def test_a_folder_without_annotations_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="there are no XML files; is this the folder of a VOC dataset"):
        VocDataset(tmp_path, "all")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.1 0.1")
    with pytest.raises(DatasetError, match=r"there are no XML files; .* holds YOLO's text files"):
        VocDataset(tmp_path, "all")


# What is dropped or clipped


@pytest.mark.parametrize("box", [(30, 21, 30, 60), (11, 40, 50, 40), (30, 40, 30, 40)])
def test_a_box_without_area_is_dropped_and_noted(voc, box):
    dataset = one(voc, object_xml("cat"), object_xml("dog", box), object_xml("cat"))
    assert dataset[0].labels.tolist() == [1, 1]
    assert dataset.class_names == ("cat",)  # a class without any box cannot be learned
    written = "xmin={} ymin={} xmax={} ymax={}".format(*box)
    assert dataset.notes == (f"boxes without area, dropped: 1: {voc.root / 'Annotations' / 'a.xml'}: object 2 (dog): {written}",)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((-9, 21, 50, 60), (0, 20, 50, 60)),
        ((11, -9, 50, 60), (10, 0, 50, 60)),
        ((11, 21, 201, 60), (10, 20, 200, 60)),
        ((11, 21, 50, 101), (10, 20, 50, 100)),
    ],
)
def test_a_box_partly_outside_is_clipped_and_counted(voc, box, expected):
    dataset = one(voc, object_xml(), object_xml(box=box), object_xml(box=box))
    np.testing.assert_array_equal(dataset[0].boxes_px[1], expected)
    assert len(dataset.notes) == 1
    assert re.fullmatch(r"boxes that .* clipped: 2: .*a\.xml: object 2 \(dog\): .*; .*: object 3 .*", dataset.notes[0])


def test_a_zero_based_corner_is_clipped_without_a_note(voc):
    dataset = one(voc, object_xml(box=(0, 0, 200, 100)))
    np.testing.assert_array_equal(dataset[0].boxes_px, [[0, 0, 200, 100]])
    assert dataset.notes == ()


# What is refused: file, object, value, and what to do

WHERE = r"a\.xml: object 2 \(dog\)"
BAD_OBJECTS = {
    "x inverted": (object_xml(box=(51, 21, 50, 60)), WHERE + r": xmin=51 is greater than xmax=50; swap"),
    "y inverted": (object_xml(box=(11, 61, 50, 60)), WHERE + r": ymin=61 is greater than ymax=60; swap"),
    "right of the image": (object_xml(box=(201, 21, 250, 60)), WHERE + r": xmin=201 .* outside .* 200 x 100 px; correct"),
    "left of the image": (object_xml(box=(-9, 21, 0, 60)), WHERE + r": .* xmax=0 .* outside"),
    "below the image": (object_xml(box=(11, 101, 50, 160)), WHERE + r": .* ymin=101 .* outside"),
    "above the image": (object_xml(box=(11, -9, 50, 0)), WHERE + r": .* ymax=0 .* outside"),
    "nan": (object_xml(box=("nan", 21, 50, 60)), WHERE + r": xmin is 'nan'; write a finite number"),
    "infinite": (object_xml(box=(11, 21, "inf", 60)), WHERE + r": xmax is 'inf'; write a finite number"),
    "not a number": (object_xml(box=(11, "wide", 50, 60)), WHERE + r": ymin is 'wide'; write"),
    "empty number": (object_xml(box=(11, 21, 50, "")), WHERE + r": ymax is ''; write"),
    "missing number": (object_xml().replace("<xmin>11</xmin>", ""), WHERE + r": xmin is 'missing'; write"),
    "bad difficult": (object_xml(difficult="<difficult>yes</difficult>"), WHERE + r": difficult is 'yes'"),
    "missing bndbox": ("<object><name>dog</name></object>", WHERE + r": <bndbox> is missing; add"),
    "missing name": (object_xml().replace("<name>dog</name>", ""), r"a\.xml: object 2 \(no name\): <name> is missing"),
    "empty name": (object_xml(" "), r"a\.xml: object 2 \(no name\): <name> is missing or empty; give"),
}


@pytest.mark.parametrize(("bad", "message"), BAD_OBJECTS.values(), ids=BAD_OBJECTS.keys())
def test_a_bad_object_is_refused(voc, bad, message):
    with pytest.raises(DatasetError, match=message):
        one(voc, object_xml("cat"), bad)


def test_an_unknown_class_is_refused(voc):
    with pytest.raises(DatasetError, match=r"a\.xml: object 2 \(dog\): the class is none of cat, cow; rename"):
        one(voc, object_xml("cat"), object_xml("dog"), class_names=["cat", "cow"])[0]


ENTITY = '<!DOCTYPE annotation [<!ENTITY dog "dog">]>'
BAD_XML = {
    "not closed": ("<annotation>", r"a\.xml: cannot be used as XML \(no element found"),
    "empty": ("", r"a\.xml: cannot be used as XML"),
    "not XML": ("{}", r"a\.xml: cannot be used as XML"),
    "document type": ('<!DOCTYPE annotation SYSTEM "voc.dtd">' + annotation_xml(), "DTDForbidden.*without DTD"),
    "entities": (ENTITY + annotation_xml(object_xml("&dog;")), "DTDForbidden"),
    "undefined entity": (annotation_xml(object_xml("&dog;")), "cannot be used as XML"),
    "another root": ("<annotations/>", r"a\.xml: the root element is <annotations>, not <annotation>"),
    "bad size": (annotation_xml(size=SIZE.replace("200", "wide")), r"a\.xml: size: width is 'wide'"),
    "half a pixel": (annotation_xml(size=SIZE.replace("200", "200.5")), r"a\.xml: size: 200\.5 x 100 are not whole pixels"),
}


@pytest.mark.parametrize(("xml", "message"), BAD_XML.values(), ids=BAD_XML.keys())
def test_a_bad_annotation_is_refused(voc, xml, message):
    with pytest.raises(DatasetError, match=message):
        voc.add("a", xml).split("a").read()


def test_a_missing_annotation_is_refused(voc):
    voc.add("a", annotation_xml()).split("a")
    (voc.root / "Annotations" / "a.xml").unlink()
    with pytest.raises(
        DatasetError, match=r"train\.txt: line 1: there is no annotation 'a' \(\.xml\) in .*Annotations; add it or remove the line"
    ):
        voc.read()


def test_a_missing_image_is_refused(voc):
    voc.add("a", annotation_xml()).split("a")
    (voc.root / "JPEGImages" / "a.png").unlink()
    folders = ", ".join(str(path) for path in (voc.root / "JPEGImages", voc.root / "Annotations", voc.root))
    message = rf"JPEGImages: there is no image 'a' \(\.jpg .*\); looked in {folders}; add it or remove 'a' from the dataset"
    with pytest.raises(DatasetError, match=message):
        voc.read()
    voc.add("a", annotation_xml("<filename>b.png</filename>"))
    (voc.root / "JPEGImages" / "a.png").unlink()
    with pytest.raises(
        DatasetError, match=r"there is no image 'a' \(.*\), and not the 'b\.png' that its annotation names; looked in"
    ):
        voc.read()


@pytest.mark.parametrize("bad", ["../b", "x/../../b", "/etc/passwd", r"..\b", r"C:\b.jpg", r"\\server\b", "JPEGImages/b.jpg"])
def test_a_path_to_no_id_is_refused(voc, bad):
    (voc.root / "b.xml").write_text(annotation_xml())
    voc.add("a", annotation_xml(object_xml())).split(f"a\n{bad}  1\n")
    name = re.split(r"[/\\]", bad)[-1].removesuffix(".jpg")
    message = rf"line 2: {re.escape(repr(bad))} is a path, and there is no annotation '{name}' \(\.xml\) in .*Annotations; list ids"
    with pytest.raises(DatasetError, match=message):
        voc.read()


@pytest.mark.parametrize("linked", ["Annotations/a.xml", "JPEGImages/a.png", "ImageSets/Main/train.txt"])
def test_a_symbolic_link_out_of_the_root_is_refused(voc, linked):
    voc.add("a", annotation_xml(object_xml())).split("a\n")
    outside = voc.root.parent / "outside"
    (voc.root / linked).rename(outside)
    (voc.root / linked).symlink_to(outside)
    with pytest.raises(
        DatasetError, match=rf"{linked}: a symbolic link leads to .*outside, out of the dataset's folder .*data; put"
    ):
        voc.read()


@pytest.mark.parametrize("linked", ["Annotations", "JPEGImages", "ImageSets"])
def test_folders_of_the_root_may_be_links_but_nothing_may_lead_out_of_them(voc, linked):
    voc.add("a", annotation_xml(object_xml())).split("a\n")
    outside = voc.root.parent / "outside"
    (voc.root / linked).rename(outside)
    (voc.root / linked).symlink_to(outside)
    assert voc.read()[0].labels.tolist() == [1]
    file = {"Annotations": "a.xml", "JPEGImages": "a.png", "ImageSets": "Main/train.txt"}[linked]
    (outside / file).rename(voc.root.parent / "secret")
    (outside / file).symlink_to(voc.root.parent / "secret")
    with pytest.raises(DatasetError, match=rf"{file}: a symbolic link leads to .*secret, out of the dataset's folder"):
        voc.read()


def test_symbolic_links_within_the_root_are_followed(voc):
    voc.add("a", annotation_xml(object_xml())).split("a\nb\n")
    (voc.root / "JPEGImages" / "b.png").symlink_to("a.png")
    (voc.root / "Annotations" / "b.xml").symlink_to(voc.root / "Annotations" / "a.xml")
    assert voc.read()[1].labels.tolist() == [1]


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_split_is_refused(voc, text):
    with pytest.raises(DatasetError, match=r"train\.txt: the split is empty; list"):
        voc.split(text).read()


def test_a_split_that_is_not_text_is_refused(voc):
    (voc.root / "ImageSets" / "Main" / "train.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DatasetError, match=r"train\.txt: cannot be read as UTF-8 text"):
        voc.read()


def test_a_missing_split_lists_the_others(voc):
    voc.split("a", "val").split("a", "test")
    with pytest.raises(DatasetError, match=r"train\.txt: there is no split 'train'; choose one of: test, val$"):
        voc.read()


def test_a_missing_split_lists_the_folders_that_are_splits(tmp_path):
    for split in ("train", "valid"):
        (tmp_path / split).mkdir()
        (tmp_path / split / "a.xml").touch()
    with pytest.raises(DatasetError, match=r"there is no split 'val'; choose one of: train, valid$"):
        check_split(tmp_path, "val")


@pytest.mark.parametrize("missing", [".", "Annotations", "JPEGImages"])
def test_a_missing_folder_is_refused(tmp_path, missing):
    folders = {".": (), "Annotations": ("JPEGImages",), "JPEGImages": ("Annotations",)}
    for folder in folders.get(missing, ("Annotations", "JPEGImages")):
        (tmp_path / "data" / folder).mkdir(parents=True)
    for read in (VocDataset, check_split):
        with pytest.raises(DatasetError, match=f"{(tmp_path / 'data' / missing).name}: no such folder; a VOC dataset holds"):
            read(tmp_path / "data", "train")


def test_a_split_without_objects_needs_class_names(voc):
    with pytest.raises(DatasetError, match="split 'train': there are no objects to take class names from; say"):
        one(voc)


def test_a_class_name_given_twice_is_refused(voc):
    with pytest.raises(DatasetError, match="one name twice"):
        one(voc, object_xml(), class_names=["dog", "cat", "dog"])


# The real thing


@pytest.mark.skipif("TF_SSD_TEST_DATA" not in os.environ, reason="TF_SSD_TEST_DATA names no folder with bccd_voc")
def test_bccd():
    root = Path(os.environ["TF_SSD_TEST_DATA"]) / "bccd_voc"
    splits = {name: VocDataset(root, name) for name in ("train", "val", "test")}
    assert [len(dataset) for dataset in splits.values()] == [205, 87, 72]
    assert splits["train"].class_names == ("Platelets", "RBC", "WBC")
    notes = [note for dataset in splits.values() for note in dataset.notes]
    assert len(notes) == 2
    assert all(any(f"BloodImage_{number}.xml: object" in note for note in notes) for number in ("00338", "00343"))
    boxes = [dataset[index].boxes_px for dataset in splits.values() for index in range(len(dataset))]
    assert sum(map(len, boxes)) == 4888 - 2
    everything = np.concatenate(boxes)
    assert everything.min() >= 0
    assert everything.max() <= 640
    assert np.all(everything[:, 2:] > everything[:, :2])
    assert read_image(splits["train"][0]).shape == (480, 640, 3)
