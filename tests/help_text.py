"""What a command answers to --help, and how long it takes."""

import os
import subprocess
import sys


def help_text(module: str) -> tuple[str, float]:
    """The text, and the CPU seconds of the command, which do not depend on what runs beside it."""
    before = os.times()
    text = subprocess.run([sys.executable, "-m", module, "--help"], capture_output=True, text=True, check=True).stdout
    after = os.times()
    return text, after.children_user + after.children_system - before.children_user - before.children_system
