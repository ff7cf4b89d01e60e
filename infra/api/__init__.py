"""The API's contract: routes, what the gateway and the page answer, and OpenAPI 3.1 made from the typed answers."""
