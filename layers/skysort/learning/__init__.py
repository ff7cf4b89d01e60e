"""What people train on features: heads chosen by folds, calibration, typicality, scores with intervals; numpy alone."""
