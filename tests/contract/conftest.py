"""The contract tests ask for the published OpenAPI document, which lies beside the repository and not in it."""

from tests.published import published

__all__ = ["published"]
