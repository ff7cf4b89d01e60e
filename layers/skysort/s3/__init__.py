"""S3 without boto3, for the function that lists buckets and signs uploads: a twentieth of its start-up time.

Requests are signed here (signature), addressed (location) and sent (client).
"""
