"""The galaxy model: data, split, training, comparison, evaluation and export."""
