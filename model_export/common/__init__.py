"""What the training packages share: command line, files, figures, ONNX files, publishing and README tables."""
