"""The image model: MobileNetV3-Large on the ImageNet classes, tuned, calibrated and exported."""
