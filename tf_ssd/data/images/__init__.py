"""Reading, decoding, turning and resizing images."""
