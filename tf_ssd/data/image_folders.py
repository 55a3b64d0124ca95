"""Where the images that annotations name are looked for."""

import os
from pathlib import Path
from typing import NamedTuple

from tf_ssd.data.paths import check_inside


class Found(NamedTuple):
    """An image that an annotation names: its file, or where it was looked for; then `path` is the first of these places."""

    path: Path
    looked_for: tuple[Path, ...] = ()


class ImageFolders:
    """The folders that the names of images may be relative to, in the order in which they are searched.

    A name may have backslashes between its folders, as tools on Windows write it.

    Args:
        folders: each may be a symbolic link, but nothing in one may lead out of all of them.
    """

    def __init__(self, *folders: Path) -> None:
        self.folders = tuple(dict.fromkeys(folders))

    def find(self, name: str) -> Found:
        """The first file of this name; raises DatasetError if a symbolic link leads it out of the folders.

        Args:
            name: one that `paths.check_name` lets pass.
        """
        places = [folder / written for written in dict.fromkeys((name, name.replace("\\", "/"))) for folder in self.folders]
        for path in places:
            if os.path.exists(path):  # noqa: PTH110  Path.exists raises an error where a name is too long
                check_inside(path, *self.folders)
                return Found(path)
        places = places[-len(self.folders) :]  # those without backslashes
        return Found(places[0], tuple(places))
