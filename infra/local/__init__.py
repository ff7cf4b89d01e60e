"""skysort on one machine, without AWS or Docker: gateway, sandboxes, S3, queue and poller (`python -m infra.local`)."""
