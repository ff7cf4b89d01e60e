"""Bulk jobs: tables and pictures beyond one machine, planned, classified in parts, and finished exactly once."""
