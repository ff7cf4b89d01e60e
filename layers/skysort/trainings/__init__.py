"""Trainings of people's own models: requests, status documents, and the steps that carry them out."""
