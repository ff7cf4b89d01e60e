"""The state machine of trainings: one definition for Step Functions and for the local stack."""
