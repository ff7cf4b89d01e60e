"""S3 without boto3, for the function that lists buckets and signs uploads: 5 ms to import, not 260 with a client.

Requests are signed here (signature), addressed (location) and sent (client).
"""
