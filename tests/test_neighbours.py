"""The examples for other tools; that of TF Serving is run on what is exported, in tests/export."""

import numpy as np
import pytest
from PIL import Image

import tf_ssd
from examples.neighbours import with_fiftyone, with_supervision
from tf_ssd.predict.detections import PictureDetections

FOUND = PictureDetections(
    np.array([[8.0, 6, 40, 54], [40, 0, 80, 15], [0, 45, 20, 60]]),
    np.array([2, 1, 2], np.int32),
    np.array([0.75, 0.5, 0.25], np.float32),
    ("dog", "cat", "dog"),
    (80, 60),
)


def test_supervision(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tf_ssd, "load", lambda run: lambda picture: FOUND)
    Image.new("RGB", FOUND.size, "white").save(tmp_path / "photo.png")
    with_supervision.main(["runs/voc", str(tmp_path / "photo.png"), str(tmp_path / "annotated.png")])
    assert capsys.readouterr().out == "in the lower half: 2 dog\n"
    annotated = np.asarray(Image.open(tmp_path / "annotated.png"))
    assert annotated.shape == (60, 80, 3)
    assert (annotated != 255).any()


def test_labels_of_fiftyone():
    """In the form that its documentation gives; FiftyOne itself, which is a MongoDB server too, is not run here."""
    first, *_ = labels = with_fiftyone.labels(FOUND)
    assert first == {"label": "dog", "bounding_box": pytest.approx([0.1, 0.1, 0.4, 0.8]), "confidence": 0.75}
    assert [label["label"] for label in labels] == ["dog", "cat", "dog"]
