"""The images that a split of PASCAL VOC lists, one a line, in the forms that VOC and other tools write."""

import re
from collections.abc import Iterator
from pathlib import Path

from tf_ssd.data.notes import Notes
from tf_ssd.data.paths import IMAGE_SUFFIXES, SLASH, Files, leads_out, without_suffix
from tf_ssd.errors import DatasetError, Place
from tf_ssd.system.files import require_file

_MARK = re.compile(r"\s+(-1|0|1)$")  # in VOC's list of one class: whether the image shows it
LOST = "lines that name one image, left out"
_SUFFIXES = (*IMAGE_SUFFIXES, ".xml")


def split_ids(path: Path, xml_files: Files, notes: Notes) -> list[str]:
    """The ids of the images in a split file, each once, in the order of its lines.

    A line is an id, which may hold spaces and stand in quotes. Where no annotation is called like the whole line, it may be an id
    and -1, 0 or 1, or the path of an image or an annotation, absolute or not, of which the end without suffix is an id. A line
    that names an image again is noted; one that does so in other words has lost an image, and is an error for `tf_ssd.check`.

    Raises:
        DatasetError: the file cannot be read or lists nothing; or a line is no id.
    """
    lines = [(number, line.strip()) for number, line in enumerate(_lines(path), start=1) if line.strip()]
    if not lines:
        raise DatasetError.at(Place(path), "the split is empty; list one image id a line")
    first: dict[str, tuple[int, str]] = {}
    for number, line in lines:
        where = Place(path, f"line {number}")
        with notes.tolerating():
            image_id = _id(line, where, xml_files)
            earlier, text = first.setdefault(image_id, (number, line))
            if earlier == number:
                continue
            if text == line:
                notes.add("repeated lines, left out", f"{where} repeats {image_id!r} of line {earlier}", where)
            else:
                example = f"{where}: {line!r} names the image {image_id!r}, as line {earlier} does: {text!r}; write ids that differ"
                notes.lost(LOST, example, where)
    return list(first)


def _lines(path: Path) -> list[str]:
    try:
        return require_file(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError.at(Place(path), f"cannot be read as UTF-8 text ({error}); save it as UTF-8") from error


def _id(line: str, where: Place, xml_files: Files) -> str:
    """The first reading of a line that is the name of an annotation; raises DatasetError if none is."""
    for reading in _readings(line):
        if not leads_out(reading) and xml_files.hold(reading):
            return reading
    plain = _MARK.sub("", line)
    suffixes = " ".join(xml_files.suffixes)
    if not SLASH.search(plain):
        what = f"there is no annotation {plain!r} ({suffixes}) in {xml_files.folder}; add it or remove the line"
        raise DatasetError.at(where, what, kind="missing files")
    stem = without_suffix(SLASH.split(plain)[-1], _SUFFIXES)
    what = f"{plain!r} is a path, and there is no annotation {stem!r} ({suffixes}) in {xml_files.folder}; list ids, one a line"
    raise DatasetError.at(where, what, kind="paths out of the dataset" if leads_out(plain) else "missing files")


def _readings(line: str) -> Iterator[str]:
    """What a line may mean, the likeliest first."""
    for text in dict.fromkeys((line, _MARK.sub("", line))):
        yield text
        unquoted = text[1:-1] if len(text) > 2 and text[0] == text[-1] and text[0] in "'\"" else text
        parts = SLASH.split(unquoted)
        for start in range(len(parts)):
            end = "/".join(parts[start:])
            yield end
            yield without_suffix(end, _SUFFIXES)
