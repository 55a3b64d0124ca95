import numpy as np
import pytest
from PIL import Image

from tf_ssd.check.sheet import DRAWS, ROWS, SHOWN, contact_sheet
from tf_ssd.config import AUGMENTATIONS
from tf_ssd.data.synthetic import SyntheticDataset
from tf_ssd.drawing.pictures import GRID_GAP, class_color
from tf_ssd.drawing.sheets import captioned
from tf_ssd.errors import DatasetError

# The height of a title of one line above a sheet of all columns.
TITLE = captioned(Image.new("RGB", ((1 + DRAWS) * (SHOWN + GRID_GAP) + GRID_GAP, 1)), "T").height - 1


class Some(SyntheticDataset):
    """Records with boxes at the even places; the others cannot be used."""

    def __getitem__(self, index):
        if index % 2:
            raise DatasetError("broken")
        return super().__getitem__(index)


def cells(sheet) -> np.ndarray:
    """(rows, columns, SHOWN, SHOWN, 3)."""
    step = SHOWN + GRID_GAP
    pixels = np.asarray(sheet)[TITLE + GRID_GAP :, GRID_GAP:]
    rows, columns = pixels.shape[0] // step, pixels.shape[1] // step
    return pixels[: rows * step, : columns * step].reshape(rows, step, columns, step, 3).swapaxes(1, 2)[:, :, :SHOWN, :SHOWN]


def test_a_row_for_each_image():
    shown = cells(contact_sheet(Some(40, seed=0), config=AUGMENTATIONS["ssd"], exif="ignore", title="T", image_size=300))
    assert shown.shape[:2] == (ROWS, 1 + DRAWS)
    for row in shown:
        assert len({picture.tobytes() for picture in row}) == 1 + DRAWS


def test_without_augmentation_all_are_alike():
    shown = cells(
        contact_sheet(SyntheticDataset(8, seed=0), config=AUGMENTATIONS["none"], exif="ignore", title="T", image_size=300)
    )
    for row in shown:
        assert len({picture.tobytes() for picture in row[1:]}) == 1


def test_boxes_are_drawn_where_the_objects_are():
    dataset = SyntheticDataset(8, seed=0)
    shown = cells(contact_sheet(dataset, config=AUGMENTATIONS["none"], exif="ignore", title="T", image_size=300))
    record = next(dataset[index] for index in range(8) if len(dataset[index].labels))
    color = [int(class_color(int(record.labels[-1]))[start : start + 2], 16) for start in (1, 3, 5)]
    xmin, ymin, xmax, _ = np.round(record.boxes_px[-1] / 300 * (SHOWN - 1)).astype(int)
    np.testing.assert_array_equal(shown[0, 1][ymin, xmin:xmax], np.tile(color, (xmax - xmin, 1)))


def test_nothing_to_show():
    class Broken(SyntheticDataset):
        def __getitem__(self, index):
            raise DatasetError("broken")

    with pytest.raises(DatasetError, match="there is no image to augment"):
        contact_sheet(Broken(3, seed=0), config=AUGMENTATIONS["ssd"], exif="ignore", title="T", image_size=300)
