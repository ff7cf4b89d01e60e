"""The API contract: routes, gateway responses, page headers, and OpenAPI 3.1 generated from the typed answers."""
