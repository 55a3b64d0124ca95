"""Sheets of several pictures: a caption above them, and a file that is not too large to be sent."""

from PIL import Image, ImageDraw, ImageFont

from tf_ssd.drawing.pictures import DARK, GRID_GAP, WHITE, png_bytes

TEXT_SHARE, SMALLEST_TEXT = 0.02, 14  # height of the letters: of the sheet's width, but not less, in pixels


def captioned(sheet: Image.Image, text: str) -> Image.Image:
    """The sheet with a text above it, on white, in as many lines as it needs."""
    font = ImageFont.load_default(max(SMALLEST_TEXT, round(TEXT_SHARE * sheet.width)))
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        lines[-1:] = [longer] if font.getlength(longer) <= sheet.width - 2 * GRID_GAP else [lines[-1], word]
    line_height = round(1.2 * font.getbbox("Ág")[3])
    height = len(lines) * line_height + GRID_GAP
    whole = Image.new("RGB", (sheet.width, sheet.height + height), WHITE)
    whole.paste(sheet, (0, height))
    draw = ImageDraw.Draw(whole)
    for number, line in enumerate(lines):
        draw.text((GRID_GAP, GRID_GAP + number * line_height), line, DARK, font)
    return whole


def small_png(sheet: Image.Image, *, most_bytes: int) -> bytes:
    """The sheet encoded as PNG, made smaller until the file has at most so many bytes."""
    encoded = png_bytes(sheet)
    shown = sheet
    while len(encoded) > most_bytes:
        scale = 0.95 * (most_bytes / len(encoded)) ** 0.5
        shown = sheet.resize((max(1, int(shown.width * scale)), max(1, int(shown.height * scale))), Image.Resampling.LANCZOS)
        encoded = png_bytes(shown)
    return encoded
