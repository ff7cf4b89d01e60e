"""Amazon S3: signed URLs, forms and requests without boto3 (signature, client), for functions that start on request.

Conditional reads and writes for the drop folder (objects, store) use boto3, which takes twenty times as long to start.
"""
