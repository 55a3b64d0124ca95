"""The rules that the cases stand for, numbered: `rules.toml` is the text, `specification` reads it, `page` prints it."""
