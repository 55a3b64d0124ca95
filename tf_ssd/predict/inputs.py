"""What there is to detect in: files, folders, patterns, cameras, and what is written of them is called."""

import glob
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from tf_ssd.data.paths import IMAGE_SUFFIXES, pictures_and_others
from tf_ssd.errors import ConfigError
from tf_ssd.predict.video import VIDEO_SUFFIXES, is_camera, is_video

JSON, CSV = "detections.json", "detections.csv"
# Photos of kinds that are not read: to leave one out is to skip a picture.
PHOTO_SUFFIXES = (".heic", ".heif", ".jxl", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".psd")
ADVICE = {
    **dict.fromkeys(PHOTO_SUFFIXES, "convert them to JPEG or PNG"),
    **dict.fromkeys(VIDEO_SUFFIXES, "name videos one by one, or by a pattern"),
}


class Input(NamedTuple):
    """A picture or a video, and the name of its annotated copy."""

    path: Path
    copy: str

    @property
    def explained(self) -> str:
        """The name of the picture that explains it."""
        return f"{Path(self.copy).stem}-explained.png"

    def written(self, *, explain: bool) -> tuple[str, ...]:
        """The names of all that is written of it."""
        return (self.copy, self.explained) if explain else (self.copy,)


class Found(NamedTuple):
    """The inputs that names stand for, each once, and how many files of each suffix were left out in folders."""

    paths: list[Path]
    left_out: Counter[str]

    @property
    def photos_left_out(self) -> int:
        """How many of those left out are photos."""
        return sum(self.left_out[suffix] for suffix in PHOTO_SUFFIXES)


def find_inputs(names: Sequence[str]) -> Found:
    """Files that are named, pictures in the folders that are named, files that fit patterns, and cameras.

    Raises:
        ConfigError: a name stands for nothing.
    """
    found: dict[Path, None] = {}
    others: dict[Path, None] = {}
    for name in names:
        named = Path(name).exists() or is_camera(Path(name))
        paths = [Path(name)] if named else sorted(map(Path, glob.glob(name, recursive=True)))  # noqa: PTH207  may be absolute
        sorted_out = [pictures_and_others(path) for path in paths]
        inside = [file for pictures, _ in sorted_out for file in pictures]
        left = [file for _, rest in sorted_out for file in rest]
        if not inside:
            if not paths:
                raise ConfigError(f"{name}: no such picture, video or folder")
            holds = f"; there are {listed(by_suffix(left))}" if left else ""
            raise ConfigError(f"{name}: a folder without any picture ({' '.join(IMAGE_SUFFIXES)}){holds}")
        found |= dict.fromkeys(inside)
        others |= dict.fromkeys(left)
    return Found(list(found), by_suffix(path for path in others if path not in found))


def by_suffix(paths: Iterable[Path]) -> Counter[str]:
    """How many files have each suffix, in lower case."""
    return Counter(path.suffix.lower() for path in paths)


def listed(counts: Counter[str]) -> str:
    """Numbers of files by suffix, the most first, and what can be done about them."""
    parts = []
    for suffix, count in counts.most_common():
        advice = f" ({ADVICE[suffix]})" if suffix in ADVICE else ""
        parts.append(f"{count} {suffix or 'without suffix'}{advice}")
    return ", ".join(parts)


def with_copies(paths: Sequence[Path], *, explain: bool) -> Iterator[Input]:
    """Each path with the name of its copy: its own, numbered where that, or that of its explanation, belongs to another.

    Names that differ in case alone are one name, as they are on many disks. Takes time linear in the number of paths.
    """
    used: set[str] = set()
    next_number: dict[tuple[str, str], int] = {}
    for path in paths:
        stem, suffix = path.stem.replace(":", "-"), _copy_suffix(path)
        item, key = Input(path, stem + suffix), (_folded(stem), suffix)
        while not used.isdisjoint(names := {_folded(name) for name in item.written(explain=explain)}):
            number = next_number.get(key, 2)
            next_number[key] = number + 1
            item = Input(path, f"{stem}-{number}{suffix}")
        used |= names
        yield item


def _folded(name: str) -> str:
    """The same for all names that some file system takes for one."""
    return unicodedata.normalize("NFC", name).casefold()


def _copy_suffix(path: Path) -> str:
    if is_video(path):
        return ".mp4"
    return ".png" if path.suffix.lower() == ".png" else ".jpg"


def check_apart(inputs: Sequence[Input], folder: Path, *, explain: bool) -> None:
    """Raise ConfigError if a copy in `folder` would overwrite one of the inputs, by whatever name it is reached."""
    originals = {_identity(item.path) for item in inputs if not is_camera(item.path) and item.path.exists()}
    for item in inputs:
        for name in item.written(explain=explain):
            if (folder / name).exists() and _identity(folder / name) in originals:
                raise ConfigError(f"--output {folder}: {name} would overwrite an input; choose another folder")


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
