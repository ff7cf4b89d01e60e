"""The state machines of trainings and of bulk jobs: one definition for Step Functions and for the local stack."""
