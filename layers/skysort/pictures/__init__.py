"""Pictures: decoding (the same for training, serving and batch), the image models, and their answers."""
