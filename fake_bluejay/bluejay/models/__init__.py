"""The shapes on the wire, as the published OpenAPI gives them: one file for each kind of thing."""
