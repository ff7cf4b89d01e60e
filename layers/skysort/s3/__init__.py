"""Amazon S3: signed URLs, forms and requests without boto3 (signature, client), for functions that start on request.

With boto3, twenty times as long to start: conditional reads and writes for the drop folder (objects, store).
"""
