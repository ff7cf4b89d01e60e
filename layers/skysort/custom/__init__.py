"""Picture classifiers that people train: features of the shipped networks, a head on them, and their answers."""
