"""The contract of every HTTP function: OpenAPI 3.1 made from the handlers' routes and parameters (`make openapi`).

Bodies and answers are typed here (requests, answers), where no sandbox pays for importing them; tests hold real
answers to them. The document and its page are committed beside the function that serves them, functions/control.
"""
