"""SSD300 in plain PyTorch, one image at a time: the reference tf_ssd is checked against. It never imports tf_ssd."""
