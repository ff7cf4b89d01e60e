"""The drop folder: files put into a bucket are classified, each with exactly one outcome.

S3 notifications arrive through SQS (event); the worker has the model's own code read each file and write its results
(files) so that duplicates, reordering, concurrent deliveries and kills at any point converge to one outcome (ledger).
"""
