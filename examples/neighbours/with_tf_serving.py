"""Ask TF Serving over its REST API what is in a picture.

mkdir -p models/voc
python -m tf_ssd.export --checkpoint runs/voc --format saved_model --output models/voc/1
tensorflow_model_server --rest_api_port=8501 --model_name=voc --model_base_path="$PWD/models/voc"
python examples/neighbours/with_tf_serving.py http://localhost:8501/v1/models/voc photo.jpg

The client needs NumPy and Pillow alone. The names of the classes are in models/voc/1/assets.extra/tf_ssd.json.
"""

import json
import sys
import urllib.request
from typing import Any

import numpy as np
from PIL import Image, ImageOps

LARGEST = 600  # pixels a side: the network looks at fewer, so that more would only be longer on their way


def main(arguments: list[str]) -> None:
    """Print a line for each detection: the class by its number, the score, and the box in pixels of the picture."""
    url, path = arguments
    picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
    sent = picture.copy()
    sent.thumbnail((LARGEST, LARGEST))
    scales = (picture.width / sent.width, picture.height / sent.height) * 2
    for label, score, box in detections(ask(url, sent)):
        corners = (f"{corner * scale:.0f}" for corner, scale in zip(box, scales, strict=True))
        print(f"class {label}  {score:.2f}  {' '.join(corners)}")


def ask(url: str, picture: Image.Image) -> dict[str, Any]:
    """Send one picture; returns the outputs of the model's signature for it."""
    body = json.dumps({"signature_name": "serving_default", "instances": [np.asarray(picture).tolist()]}).encode()
    request = urllib.request.Request(f"{url}:predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        (outputs,) = json.load(reply)["predictions"]
    return outputs


def detections(outputs: dict[str, Any]) -> list[tuple[int, float, list[float]]]:
    """Label, score and box, xyxy in pixels of the picture that was sent, of each; what comes after `count` is padding."""
    rows = zip(outputs["labels"], outputs["scores"], outputs["boxes_px"], strict=True)
    return list(rows)[: outputs["count"]]


if __name__ == "__main__":
    main(sys.argv[1:])
