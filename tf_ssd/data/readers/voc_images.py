"""The image of each annotation of PASCAL VOC: the one of its name, or the one that it names."""

from collections.abc import Sequence
from pathlib import Path

from tf_ssd.data.image_folders import ImageFolders
from tf_ssd.data.notes import Notes
from tf_ssd.data.paths import SLASH, Files, leads_out, listed
from tf_ssd.data.readers.voc_xml import image_name
from tf_ssd.errors import DatasetError, Place


def find_images(ids: Sequence[str], xml_files: Files, image_files: Files, root: Path, notes: Notes) -> dict[str, str]:
    """The image of each id, relative to the folder of images, or absolute where it lies elsewhere; one that is missing is a fault.

    It is called like the annotation, or as the annotation's <filename> says, and lies in the folder of images, beside the
    annotation, or in `root`. Only the annotations whose image is not the first of these are read.
    """
    folders = tuple(dict.fromkeys((image_files.folder, xml_files.folder, root)))
    others = [Files(root, folder, image_files.suffixes, notes) for folder in folders[1:]]
    found: dict[str, str] = {}
    for image_id in ids:
        with notes.tolerating():
            name = image_files.find(image_id) if image_files.hold(image_id) else None
            found[image_id] = name or _relative(_elsewhere(image_id, xml_files, [image_files, *others]), image_files.folder)
    return found


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path.absolute())


def _elsewhere(image_id: str, xml_files: Files, places: Sequence[Files]) -> Path:
    """The image of an id that is not in the first of the places; raises DatasetError if it is in none."""
    for files in places[1:]:
        if files.hold(image_id):
            return files.folder / str(files.find(image_id))
    folders = [files.folder for files in places]
    name = image_name(xml_files.folder / str(xml_files.find(image_id)))
    if name:
        name = SLASH.split(name)[-1] if leads_out(name) else name
        image = ImageFolders(*folders).find(name)
        if not image.looked_for:
            return image.path
    what = f"there is no image {image_id!r} ({' '.join(places[0].suffixes)})"
    named = f", and not the {name!r} that its annotation names" if name else ""
    advice = f"looked in {listed(folders)}; add it or remove {image_id!r} from the dataset"
    raise DatasetError.at(Place(places[0].folder), f"{what}{named}; {advice}", kind="missing files")
