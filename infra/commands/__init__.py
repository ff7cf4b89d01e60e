"""What an operator runs: deploy and destroy (cdk), publish, redrive, empty, brake, client folders, costs of abuse."""
