"""An emulated AWS account for `cdk deploy`: moto's server, with what CloudFormation, ECR and Lambda need beyond it.

    python -m tests.deploy.emulator --port 5000 --registry localhost:5001

Nothing of the deployed templates is changed for it; what differs from AWS is said in `catalogue/`, type by type.
"""
