"""Pictures: decoding (one way for training, serving and batch), the image models, and their answers."""
