"""Which image of a dataset a file of detections means."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from tf_ssd.system.names import printable


class ImageNames:
    """Images by what a file of detections may call them.

    In this order: an id of the dataset, as a number or as text; the name of an image file, whatever folders stand before it; that
    name without suffix. Of images whose files share a name, it is the one that most folders before the name agree with.

    Args:
        ids: of the images, in their order.
        files: the files of the images, as paths or as an annotation file has them; empty if the images are in no files.
    """

    def __init__(self, ids: Sequence[int | str], files: Sequence[str]) -> None:
        self._by_id = {printable(str(image_id)): position for position, image_id in enumerate(ids)}
        self._parts = [_parts(file) for file in files]
        self._by_name: dict[str, list[int]] = defaultdict(list)
        self._by_stem: dict[str, list[int]] = defaultdict(list)
        for position, parts in enumerate(self._parts):
            self._by_name[parts[-1]].append(position)
            self._by_stem[PurePosixPath(parts[-1]).stem].append(position)

    def find(self, image_id: float | str) -> list[int]:
        """Places of the images that may be meant: one, unless there is no such image or several fit equally well."""
        number = int(image_id) if isinstance(image_id, float) and image_id.is_integer() else image_id
        text = printable(str(number))
        if text in self._by_id:
            return [self._by_id[text]]
        if not isinstance(image_id, str) or not text:
            return []
        parts = _parts(text)
        return self._closest(parts, self._named(parts[-1]))

    def _named(self, name: str) -> list[int]:
        tables: tuple[tuple[Mapping[str, list[int]], str], ...]
        tables = ((self._by_name, name), (self._by_stem, name), (self._by_stem, PurePosixPath(name).stem))
        return next((table[key] for table, key in tables if key in table), [])

    def _closest(self, parts: Sequence[str], positions: Sequence[int]) -> list[int]:
        agreeing = [_common_folders(parts, self._parts[position]) for position in positions]
        return [position for position, count in zip(positions, agreeing, strict=True) if count == max(agreeing)]


def _parts(file: str) -> tuple[str, ...]:
    """The folders and the name; a backslash may separate them too."""
    return PurePosixPath(printable(file).replace("\\", "/")).parts or ("",)


def _common_folders(a: Sequence[str], b: Sequence[str]) -> int:
    """How many folders before the names are the same, counted from the names."""
    count = 0
    while count < min(len(a), len(b)) - 1 and a[-2 - count] == b[-2 - count]:
        count += 1
    return count
