"""Policies for whoever deploys: what CloudFormation may do, derived from the templates, and what a pipeline may do."""
