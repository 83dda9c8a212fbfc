"""What the JSON API takes and gives. Instants are aware UTC; values are in the sensor's unit, a UCUM code."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Priority = Literal["life-safety", "high", "medium", "low"]
State = Literal["A", "B", "C", "D", "E", "F"]
Suppression = Literal["none", "shelved", "by_design", "out_of_service"]
Resolution = Literal["true_danger", "near_miss", "test_or_drill", "nuisance", "sensor_fault", "unknown"]
LONGEST_TEXT = 4000


class Said(BaseModel):
    """Read from a row of the database."""

    model_config = ConfigDict(from_attributes=True)


class WrongField(BaseModel):
    """A field of a request, and what is wrong with it."""

    field: str = Field(description="As it was sent, such as `expected_until`; `body` for the whole.")
    problem: str = Field(description="In the reader's language.")


class Wrong(BaseModel):
    """Every answer with a status of 400 or more."""

    error: str = Field(description="One sentence for a person, in the reader's language.")
    errors: list[WrongField] | None = Field(
        None, description="With a 422 for fields that are missing or have a wrong form."
    )


class Credentials(BaseModel):
    """A login and its password."""

    login: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=1024)


class Session(BaseModel):
    """A session that has begun; its cookie came with this answer."""

    form_token: str = Field(description="Send it as X-Form-Token with every call that changes something.")


class Me(BaseModel):
    """Who you are to Davy."""

    person_id: int
    name: str
    role: str
    company_id: int | None = Field(description="Your own company; null for the insurer's people and the operator.")
    companies: list[int] = Field(description="Companies whose rows you see.")
    language: str
    rights: list[str]
    session_ends_at: datetime
    form_token: str


class Alarm(Said):
    """An alarm that is open or suppressed."""

    definition_id: int
    sensor_id: int
    occurrence_id: int | None
    state: State = Field(description="ISA-18.2 letter: B, D and E wait for somebody.")
    active: bool
    changed_at: datetime
    suppression: Suppression
    suppressed_until: datetime | None
    priority: Priority
    title: str
    title_zh: str
    sensor_key: str
    unit: str
    direction: Literal["high", "low"]
    setpoint: float
    value: float | None
    measured_at: datetime | None
    zone: str | None
    site: str
    company: str
    began_at: datetime | None
    historic: bool
    replayed: bool = Field(description="All that raised it came in readings marked as history that is played.")
    simulated: bool = Field(description="Made by the demo's history.")
    exercise: bool = Field(description="An exercise or a roll call: nothing has happened.")
    answered_by: str | None
    answered_at: datetime | None
    assignee: str | None = Field(description="Who of the company sees to it.")


class Alarms(BaseModel):
    """The list, the worst first."""

    alarms: list[Alarm]
    more: int = Field(description="How many are open beyond those listed.")


class OccurrenceLine(Said):
    """One line of the list of occurrences."""

    occurrence_id: int
    began_at: datetime
    normal_at: datetime | None
    resolved_at: datetime | None
    resolution: Resolution | None
    state: State
    suppression: Suppression
    priority: Priority
    title: str
    title_zh: str
    zone: str | None
    site: str
    company: str
    shared: bool
    historic: bool
    replayed: bool = Field(description="All that raised it came in readings marked as history that is played.")
    simulated: bool = Field(description="Made by the demo's history.")
    exercise: bool = Field(description="An exercise or a roll call: nothing has happened.")
    assignee: str | None = Field(description="Who of the company sees to it; null for the insurer's people.")


class Occurrence(OccurrenceLine):
    """One occurrence."""

    definition_id: int
    definition_key: str
    sensor_id: int
    sensor_key: str
    unit: str
    detector: str
    direction: Literal["high", "low"]
    setpoint: float
    on_delay_s: float
    first_value: float | None = Field(description="Null where you may not see values yet.")
    consequence: str
    consequence_zh: str
    response: str
    response_zh: str
    respond_within_s: float
    realarm_after_s: float | None = Field(
        description="Acknowledged and still active for so long, it is heard again; null: never."
    )
    resolved_by: str | None
    action_taken: str | None
    assignee_id: int | None
    photos: list[OccurrencePhoto] = Field(description="Of the company's own people only.")
    insurer: list[SeenByInsurer] = Field(description="The insurer's own acknowledgements: they change no state.")
    why: str | None = Field(
        description="Why it fired, in the reader's language; null where you may not see values yet."
    )
    model: ModelJudgement | None = Field(description="What a model saw; null for what no model judged.")
    compound: list[CompoundRaised] | None = Field(
        description="What a compound was made of, each time it was raised; null for what is none, or where you may not see values yet."
    )
    timeline: list[Happened]


class CompoundPart(Said):
    """One part of a compound as it stood when the alarm was raised."""

    name: str
    name_zh: str
    limit: str | None = Field(description="Key of the limit it is; null: a condition of the compound's own.")
    sensor: str = Field(description="device/sensor")
    unit: str
    detector: str
    direction: Literal["high", "low"]
    setpoint: float
    counts: bool = Field(description="It was one of those that made the compound whole.")
    began_at: datetime | None
    ended_at: datetime | None
    value: float | None = Field(description="The number that decided it last.")


class CompoundRaised(Said):
    """The parts at one instant at which a compound was raised."""

    at: datetime
    parts: list[CompoundPart]


class ModelMember(Said):
    """One signal beside what the others led the model to expect, in the sensor's unit."""

    sensor: str = Field(description="device/sensor")
    name: str
    name_zh: str
    unit: str
    observed: float
    expected: float
    share: float = Field(description="Of the oddness, 0 to 1.")


class ModelJudgement(Said):
    """Why a model fired, worked out from stored readings when it began and frozen."""

    version: int | None
    trained_from: datetime | None
    trained_until: datetime | None
    window_end: datetime
    number: float | None = Field(description="-log10 of the share of normal windows that are at least as odd.")
    members: list[ModelMember] = Field(description="The oddest first.")
    sentences: list[str] = Field(description="The same for a person, in the reader's language.", default_factory=list)


class Happened(Said):
    """One thing that happened to an occurrence, the newest first. A message is there when it was planned, when it came to its end, when its receiver had it, and when its reader saw and answered it."""

    at: datetime = Field(description="Of a message that waits: the instant for which it does.")
    kind: Literal["transition", "notification", "duty", "comment", "look", "assigned", "insurer"]
    what: str = Field(description="The event; the channel; `nobody`; `taken_over` or `given_back`.")
    detail: str = Field(
        description="The state after it; of a message `planned`, `waiting`, `claimed`, `sent`, `delivered`, `seen`, `answered` (by its own link), `failed` or `cancelled`; a name."
    )
    who: str | None
    text: str | None = Field(
        description="What somebody wrote; of a message that was planned by which rule, else the receipt or why it did not go out."
    )
    value: float | None
    until: datetime | None = Field(
        description="When a shelf ends; when a message is due; until when somebody takes over."
    )
    audience: Literal["client", "insurer"] | None = Field(
        description="Whose people a message goes to, or whose duty position it is."
    )


class Loss(BaseModel):
    """Messages of the device that have not come: how many, and between which instants they were sent, in Unix seconds."""

    since: float
    until: float
    messages: int


class Curve(BaseModel):
    """A curve made for drawing. Times in Unix seconds; a null value breaks the line."""

    unit: str
    time_zone: str
    since: float
    until: float
    began_at: float | None
    limit: float | None
    direction: Literal["high", "low"] | None
    times: list[float]
    low: list[float | None]
    high: list[float | None]
    gaps: list[tuple[float, float]] = Field(description="Stretches in which nothing is known.")
    losses: list[Loss] = Field(description="What of that is messages known to be missing, by the device's numbers.")


class Sensor(Said):
    """A sensor and its newest value."""

    sensor_id: int
    device_id: int
    device: str
    key: str
    name: str
    name_zh: str
    quantity: str
    unit: str
    period_s: float
    mandatory: bool
    is_virtual: bool
    zone: str | None
    site: str
    time_zone: str
    value: float | None
    measured_at: datetime | None


class Device(Said):
    """A device and its stream."""

    device_id: int
    key: str
    kind: str
    site: str
    company: str
    sensors: int
    online: bool | None
    last_received_at: datetime | None
    missing: int = Field(description="Messages known lost.")
    repeated: int
    clock_offset_ms: float | None = Field(description="The device's clock minus ours.")
    clock_wrong_since: datetime | None = Field(description="Null while it is within tolerance.")
    clock_right_since: datetime | None = Field(
        description="Since when it is right again; null where it was never seen wrong."
    )
    restarts: int = Field(
        description="How often it used numbers again under the boot number it had: it started again, or sent again what had been rejected as a whole."
    )
    restarted_at: datetime | None
    rejected: int = Field(description="Messages rejected in the last 24 hours.")


class Shelf(BaseModel):
    """For how long, and why."""

    minutes: Annotated[int, Field(ge=1, le=int(timedelta(days=7).total_seconds() // 60))]
    reason: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class Resolved(BaseModel):
    """What it was, and what was done."""

    resolution: Resolution
    action_taken: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


class Assigned(BaseModel):
    """Who sees to it."""

    assignee_id: int | None = Field(description="One of the company's own people; null: nobody.")


class InsurerWords(BaseModel):
    """What the insurer says to it, if anything."""

    words: Annotated[str, Field(max_length=LONGEST_TEXT)] = ""


class OccurrencePhoto(Said):
    """A photo without its bytes."""

    photo_id: int
    at: datetime
    who: str | None
    width: int
    height: int


class SeenByInsurer(Said):
    """Somebody at the insurer has acknowledged it."""

    person_id: int
    name: str
    at: datetime
    words: str | None


class Comment(BaseModel):
    """A comment."""

    body: Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT)]


Occurrence.model_rebuild()
