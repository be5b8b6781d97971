"""Custom background noises: sounds that a customer uploads, for digital humans to call from.

A file is uploaded to the address that `upload-url` returns, and then registered by its `storage_path`, by which digital
humans refer to it.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fake_bluejay.bluejay.models.wire import Wire, shape
from fake_bluejay.bluejay.resources import Operations, as_fields
from fake_bluejay.core.errors import Conflict, Refused
from fake_bluejay.core.readings import NoiseWithoutFile
from fake_bluejay.core.resources import Entity, Resource, not_found, uuid_ids
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

MOST_NOISES = 20
"""Documented: the most noises of an organisation."""


class UploadUrlRequest(Wire):
    """The name of the file to upload."""

    filename: str


class UploadUrlResponse(Wire):
    """The URL to which the file is sent, once, and the path by which it is then registered."""

    upload_url: str
    storage_path: str


class NewNoise(Wire):
    """A noise that a test adds, which needs no file."""

    name: str
    storage_path: str | None = None


class CreateCustomBackgroundNoiseRequest(NewNoise):
    """A file that was uploaded, and the name of the noise."""

    storage_path: str


class UpdateCustomBackgroundNoiseRequest(Wire):
    """The new name of a noise; its file stays."""

    name: str


class CustomBackgroundNoise(Wire):
    """A noise, and the number of digital humans that use it."""

    id: str
    organization_id: str
    name: str
    storage_path: str
    created_at: str | None = None
    created_by: str | None = None
    usage_count: int | None = 0


def _users(world: World, noise: Entity) -> int:
    """Return the number of digital humans that use a noise."""
    path = noise.fields["storage_path"]
    return len(world.resources.of("digital human", noise.organisation, custom_background_noise_url=path))


def _prefix(organisation: str) -> str:
    """Return the beginning of an organisation's storage paths; its wording is ours."""
    return f"custom-background-noises/{organisation}/"


def _prepare(world: World, organisation: str, request: UploadUrlRequest) -> Entity:
    """Choose the storage path of a file. Raises `Refused` for a file that is neither MP3 nor WAV."""
    if not request.filename.lower().endswith((".mp3", ".wav")):
        raise Refused("The file name must end in .mp3 or .wav")
    id = world.resources[UPLOADS].next_id()
    path = f"{_prefix(organisation)}{id}/{as_fields(request)['filename']}"
    return world.resources[UPLOADS].add(organisation, {"storage_path": path, "uploaded": False})


def _register(world: World, organisation: str, request: NewNoise) -> Entity:
    """Add a file to the noises of an organisation.

    Raises:
        Refused: The file is not the organisation's, was not uploaded, or there are too many noises.
        Conflict: The file is registered already.
    """
    fields, resources, path = as_fields(request), world.resources, request.storage_path
    if path is None:  # a test gives no file
        fields["storage_path"] = f"{_prefix(organisation)}{resources[NOISES].next_id()}.wav"
    elif not path.startswith(_prefix(organisation)):
        raise Refused("The storage_path is none of your organization's: get one from upload-url")
    elif world.readings.noise_without_file is NoiseWithoutFile.REFUSED and not (
        resources[UPLOADS].of(organisation, storage_path=path, uploaded=True)
    ):
        raise Refused("No file was uploaded for this storage_path")
    if path is not None and resources[NOISES].of(organisation, storage_path=path):
        raise Conflict("This file is a custom background noise already")
    if len(resources[NOISES].of(organisation)) >= MOST_NOISES:
        raise Refused(f"An organization can have {MOST_NOISES} custom background noises")
    return resources[NOISES].add(organisation, fields)


UPLOADS = Resource("noise upload", ids=uuid_ids, example={"filename": "noise.wav"})
uploads = Operations(
    UPLOADS,
    new=_prepare,
    request=UploadUrlRequest,
    stored=shape("StoredUpload", "A file that may be uploaded.", storage_path=str, uploaded=bool),
)

NOISES = Resource("custom background noise", ids=uuid_ids, example={"name": "Noise"})
noises = Operations(
    NOISES,
    returns=CustomBackgroundNoise,
    looked_up=lambda world, noise: {"usage_count": _users(world, noise)},
    new=_register,
    request=NewNoise,
    id_type=str,
)

noises.list("GET", "/v1/custom-background-noises")
noises.create("POST", "/v1/custom-background-noises", CreateCustomBackgroundNoiseRequest)
noises.update("PATCH", "/v1/custom-background-noises/{noise_id}", UpdateCustomBackgroundNoiseRequest)


@noises.operation("DELETE", "/v1/custom-background-noises/{noise_id}")
def delete_custom_background_noise(call: ApiCall, custom_background_noise: Entity) -> dict[str, Any]:
    """Delete a noise that no digital human uses."""
    if _users(call.world, custom_background_noise):
        raise Conflict("The custom background noise is in use by a digital human")
    call.world.resources.remove(custom_background_noise)
    return {}


@uploads.operation("POST", "/v1/custom-background-noises/upload-url")
def create_upload_url(call: ApiCall, request: UploadUrlRequest) -> UploadUrlResponse:
    """Return the URL for the upload of a file, and the path by which to register it."""
    upload = _prepare(call.world, call.organisation, request)
    url = call.own_url(f"/fake/uploads/{upload.id}")
    return UploadUrlResponse(upload_url=url, storage_path=upload.fields["storage_path"])


@uploads.operation("PUT", "/fake/uploads/{upload_id}", needs_key=False)
def upload(call: ApiCall, upload_id: UUID) -> dict[str, Any]:
    """Take an uploaded file, and drop its bytes.

    Bluejay has no such endpoint: our `upload_url` leads here, for one upload.
    """
    one = call.world.resources[UPLOADS].get(upload_id)
    if one is None:
        raise not_found("noise upload")
    if one.fields["uploaded"]:
        raise Conflict("The file was uploaded already")
    call.world.resources.change(one, {"uploaded": True})
    return {}
