"""Where skysort runs: stages, the local stack and, later, CDK."""
