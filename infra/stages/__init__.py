"""Stages: typed settings objects for the environments in which skysort runs."""
