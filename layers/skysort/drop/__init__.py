"""The drop folder: files put into a bucket are classified, each with exactly one outcome.

An S3 notification arrives through SQS (event, batch); the file is read (source), classified by the
model's own code, and its results written (draft) so that duplicates, reordering, concurrent
deliveries and kills at any point converge to one outcome (ledger, worker).
"""
