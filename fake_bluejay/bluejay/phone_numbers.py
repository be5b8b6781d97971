"""Phone numbers: those that an organisation has bought to call from, and to be called at."""

from __future__ import annotations

import datetime
from typing import Any
from uuid import UUID

from fake_bluejay.bluejay.models.wire import Wire, shape
from fake_bluejay.bluejay.resources import Operations
from fake_bluejay.core.clock import Moment, datetime_at
from fake_bluejay.core.resources import Entity, Resource, uuid_ids
from fake_bluejay.core.scoring import uuid_from
from fake_bluejay.core.world import World
from fake_bluejay.http.operation import ApiCall

PRICE = 115
"""The price of a number, in cents: this project's figure, on which no client should rely."""


class AddPhoneNumberRequest(Wire):
    """A request to buy a number, with its place in the United States."""

    area_code: str | None = None


class PhoneNumberResponse(Wire):
    """A phone number."""

    id: int
    created_at: Moment
    phone_number: str
    purchase_date: datetime.date
    price: int
    organization_id: UUID


class AddPhoneNumberResponse(Wire):
    """A phone number that was bought, and its id at the carrier."""

    phone_number: str
    twilio_sid: str
    organization_id: UUID
    purchase_date: datetime.date
    price: int


class ReleasePhoneNumberResponse(Wire):
    """A phone number that was given back."""

    phone_number: str
    released: bool


def _buy(world: World, organisation: str, request: AddPhoneNumberRequest) -> Entity:
    """Buy a number, in the requested area if that is valid; no two numbers of a world are the same."""
    wanted, count = request.area_code or "", world.resources[PHONE_NUMBERS].last_id
    area = wanted if len(wanted) == 3 and wanted.isascii() and wanted.isdigit() else "555"
    # 555-0100 and the numbers after it are reserved for fiction.
    fields = {"phone_number": f"+1{area}555{100 + count:04}", "price": PRICE}
    return world.resources[PHONE_NUMBERS].add(organisation, fields)


def _values(number: Entity) -> dict[str, Any]:
    organisation = uuid_ids.read(number.organisation) or uuid_from(f"organization:{number.organisation}")
    return {
        "organization_id": organisation,
        "purchase_date": datetime_at(number.created_at).date(),
        "twilio_sid": f"PN{uuid_from(number.fields['phone_number']).replace('-', '')}",
    }


PHONE_NUMBERS = Resource("phone number")
phone_numbers = Operations(
    PHONE_NUMBERS,
    returns=PhoneNumberResponse,
    values=_values,
    new=_buy,
    stored=shape("StoredPhoneNumber", "A phone number.", phone_number=str, price=int),
)

phone_numbers.list("GET", "/v1/phone-numbers")
phone_numbers.create("POST", "/v1/phone-numbers/add", AddPhoneNumberRequest, returns=AddPhoneNumberResponse)


@phone_numbers.operation("DELETE", "/v1/phone-numbers/{phone_number}/release")
def release_phone_number(call: ApiCall) -> ReleasePhoneNumberResponse:
    """Release a phone number."""
    number = call.parameters["phone_number"]
    resources = call.world.resources
    resources.remove(resources.require_by("phone number", call.organisation, "phone_number", number))
    return ReleasePhoneNumberResponse(phone_number=number, released=True)
