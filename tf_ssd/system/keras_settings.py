"""The user's settings of Keras, which must suit this package; read as Keras reads them, before it is imported."""

import json
import os
from pathlib import Path
from typing import Any

from tf_ssd.errors import ConfigError

NEEDED = {"backend": "tensorflow", "image_data_format": "channels_last"}


def check_keras_settings() -> None:
    """Raise ConfigError, which names the place, if Keras is set up for what this package is not made for."""
    backend = os.environ.get("KERAS_BACKEND")
    if backend and backend != NEEDED["backend"]:
        raise ConfigError(f"KERAS_BACKEND={backend}: tf_ssd is made for the backend tensorflow; unset it, or set it to tensorflow")
    path = _settings_file()
    settings = _read(path)
    for name, value in NEEDED.items():
        found = settings.get(name, value)
        if found != value and not (name == "backend" and backend):
            advice = f"write {json.dumps(value)} there, or set KERAS_HOME to a folder without keras.json"
            raise ConfigError(f'{path}: "{name}" is {json.dumps(found)}, where tf_ssd is made for {json.dumps(value)}; {advice}')


def _settings_file() -> Path:
    """Where Keras looks for it, in keras.src.backend.config."""
    if "KERAS_HOME" in os.environ:
        return Path(os.environ["KERAS_HOME"]) / "keras.json"
    home = Path("~").expanduser()
    return (home if os.access(home, os.W_OK) else Path("/tmp")) / ".keras" / "keras.json"


def _read(path: Path) -> dict[str, Any]:
    """What Keras would find; nothing in a file that it cannot read, which it passes over too."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}
