"""One reader for each format of annotations."""
