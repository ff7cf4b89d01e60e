"""CloudFormation's own part of the emulated AWS: what it makes in which order, what it takes back, what it keeps.

moto brings a stack to a template by the text of it: it follows no DependsOn, replaces nothing, and leaves a stack
half-made where a resource fails. Here it is done as "Understand how CloudFormation stack creation works", "Update
behaviors of stack resources" and "Choose how to handle failures when provisioning resources" (AWS CloudFormation User
Guide) say, one resource after the other.
"""
