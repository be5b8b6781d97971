"""Custom background noises: uploaded, registered, used by digital humans, and gone."""

from typing import Any

import pytest

from fake_bluejay import FakeBluejay
from tests.api.client import Client

NOISES = "custom-background-noises"


def uploaded(ask: Client, filename: str = "Rain.WAV") -> str:
    """The storage path of a file that was uploaded."""
    there = ask("POST", f"{NOISES}/upload-url", {"filename": filename})
    assert ask.http.put(there["upload_url"], content=b"RIFF", headers={"X-API-Key": ""}).status_code == 200
    return str(there["storage_path"])


@pytest.fixture
def rain(ask: Client) -> Any:
    return ask("POST", NOISES, {"name": "Rain", "storage_path": uploaded(ask)})


def test_uploaded_noise_is_registered_listed_and_renamed(ask: Client, rain: Any) -> None:
    assert rain == {
        "id": rain["id"],
        "organization_id": "default",
        "name": "Rain",
        "storage_path": rain["storage_path"],
        "created_at": "2026-01-01T00:00:00.000000Z",
        "created_by": None,
        "usage_count": 0,
    }
    wind = ask("POST", NOISES, {"name": "Wind", "storage_path": uploaded(ask, "wind.mp3")})
    assert ask("GET", NOISES) == [rain, wind]
    renamed = ask("PATCH", f"{NOISES}/{rain['id']}", {"name": "Storm", "storage_path": "another"})
    assert renamed == {**rain, "name": "Storm"}
    assert ask("GET", NOISES) == [renamed, wind]


def test_noise_in_use_cannot_be_deleted(ask: Client, fake: FakeBluejay, rain: Any) -> None:
    for _ in range(2):
        fake.add_digital_human(background_noise="custom", custom_background_noise_url=rain["storage_path"])
    fake.add_digital_human(organisation="others", custom_background_noise_url=rain["storage_path"])
    assert ask("GET", NOISES)[0]["usage_count"] == 2
    ask("DELETE", f"{NOISES}/{rain['id']}", status=409)
    ask("DELETE", "digital-human/1")
    ask("PUT", "update-digital-human/2", {"background_noise": "none", "custom_background_noise_url": "other"})
    assert ask("DELETE", f"{NOISES}/{rain['id']}") == {}
    assert ask("GET", NOISES) == []
    ask("DELETE", f"{NOISES}/{rain['id']}", status=404)


def test_upload_url_takes_one_upload_of_a_sound(ask: Client) -> None:
    for filename in ("rain.ogg", "rain", "wav"):
        ask("POST", f"{NOISES}/upload-url", {"filename": filename}, status=400)
    url = ask("POST", f"{NOISES}/upload-url", {"filename": "rain.wav"})["upload_url"]
    assert [ask.http.put(url, content=b"RIFF").status_code for _ in range(2)] == [200, 409]
    assert ask.http.put(url.replace(url[-4:], "0000")).status_code == 404
    assert ask.http.put(f"{url}x").status_code == 422


def test_file_is_registered_once_and_only_by_its_organisation(ask: Client, others: Client, rain: Any) -> None:
    again = {"name": "Again", "storage_path": rain["storage_path"]}
    ask("POST", NOISES, again, status=409)
    others("POST", NOISES, again, status=400)
    others("POST", NOISES, {"name": "Else", "storage_path": "rain.wav"}, status=400)
    assert (len(ask("GET", NOISES)), others("GET", NOISES)) == (1, [])


def test_file_that_was_not_uploaded_is_taken_or_refused(ask: Client, fake: FakeBluejay) -> None:
    def register(status: int) -> None:
        path = ask("POST", f"{NOISES}/upload-url", {"filename": "rain.wav"})["storage_path"]
        ask("POST", NOISES, {"name": "Rain", "storage_path": path}, status=status)

    register(200)
    fake.readings.set(noise_without_file="400")
    register(400)
    ask("POST", NOISES, {"name": "Wind", "storage_path": uploaded(ask)})


def test_organisation_has_20_noises_at_most(ask: Client, fake: FakeBluejay) -> None:
    for _ in range(20):
        fake.add("custom background noise")
    ask("POST", NOISES, {"name": "One more", "storage_path": uploaded(ask)}, status=400)
    ask("DELETE", f"{NOISES}/{ask('GET', NOISES)[0]['id']}")
    ask("POST", NOISES, {"name": "One more", "storage_path": uploaded(ask)})


def test_noises_of_another_organisation_do_not_exist(ask: Client, others: Client, rain: Any) -> None:
    for method, body in (("PATCH", {"name": "Mine"}), ("DELETE", None)):
        missing = {"detail": "Custom background noise not found"}
        assert others(method, f"{NOISES}/{rain['id']}", body, status=404) == missing
        assert ask(method, f"{NOISES}/none", body, status=404) == missing
    assert ask("GET", NOISES) == [rain]


def test_use_of_a_noise_counts_in_its_own_organisation(others: Client, fake: FakeBluejay) -> None:
    theirs = others("POST", NOISES, {"name": "Rain", "storage_path": uploaded(others)})
    for organisation in ("others", "default"):
        fake.add_digital_human(organisation=organisation, custom_background_noise_url=theirs["storage_path"])
    assert others("GET", NOISES)[0]["usage_count"] == 1


def test_restored_world_goes_on_with_an_upload(ask: Client, fake: FakeBluejay, rain: Any) -> None:
    there = ask("POST", f"{NOISES}/upload-url", {"filename": "wind.wav"})
    with FakeBluejay.load(fake.dump()) as restored:
        again = Client(restored, fake.api_key)
        assert again("GET", NOISES) == [rain]
        assert [again.http.put(there["upload_url"]).status_code for _ in range(2)] == [200, 409]
