"""A client of the API, as the tests of its endpoints use it."""

from typing import Any

from fake_bluejay import FakeBluejay


class Client:
    """Asks as the organisation whose key it has, and expects a status."""

    def __init__(self, fake: FakeBluejay, key: str) -> None:
        self.http = fake.client(headers={"X-API-Key": key})

    def __call__(self, method: str, path: str, json: Any = None, status: int = 200) -> Any:
        response = self.http.request(method, f"/v1/{path}", json=json)
        assert response.status_code == status, response.text
        return response.json()

    def run(self, id: Any = 1) -> Any:
        return self("GET", f"retrieve-simulation-results/{id}")["simulation_run"]

    def result(self, id: int = 1) -> Any:
        return self("GET", f"retrieve-simulation-result/{id}")["simulation_result"]
