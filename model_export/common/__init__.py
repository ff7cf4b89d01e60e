"""Shared by the training packages: command line, files, metrics, ONNX files, publishing and README tables."""
