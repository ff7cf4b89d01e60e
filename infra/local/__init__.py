"""skysort on one machine, without AWS or Docker: gateway, sandboxes, S3 and queues (`python -m infra.local`)."""
