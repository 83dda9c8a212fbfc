"""The JSON API of models."""

from __future__ import annotations

from fastapi import APIRouter

from api.gate import ModelReader
from api.model_card import card_of
from api.store import model_cards
from api.v1 import card_models as models
from api.web import Here
from api.words.texts import NotFound

router = APIRouter()


@router.get("/models")
def list_models(web: Here, visitor: ModelReader) -> list[models.ModelLine]:
    """All models, by company, site and asset."""
    with web.acting_for(visitor) as connection:
        return [models.ModelLine.model_validate(row) for row in model_cards.list_models(connection)]


@router.get("/models/{asset_id}")
def read_model(web: Here, visitor: ModelReader, asset_id: int) -> models.ModelCard:
    """The card of one."""
    with web.acting_for(visitor) as connection:
        card = card_of(connection, visitor, asset_id, web.clock())
    if card is None:
        raise NotFound
    worked_out = ("standing", "other_setup")
    versions = [
        models.ModelVersion(
            standing=card.standing[each.version],
            other_setup=each.version in card.unfit,
            **{name: getattr(each, name) for name in models.ModelVersion.model_fields if name not in worked_out},
        )
        for each in card.versions
    ]
    calibration = [
        models.ModelCalibration(
            kind=kind.kind,
            windows=kind.calibrated.windows,
            left_out=kind.calibrated.left_out,
            share=kind.calibrated.share,
            promised=kind.calibrated.promised,
            verdict=kind.calibrated.verdict,
            steps=kind.calibrated.steps,
        )
        for kind in card.kinds
        if kind.calibrated is not None
    ]
    return models.ModelCard(
        model=models.ModelLine.model_validate(card.line),
        members=[models.WatchedSignal.model_validate(each) for each in card.members],
        versions=versions,
        promotions=[models.ModelPromotion.model_validate(each) for each in card.promotions],
        limits=[models.ModelLimit.model_validate(each) for each in card.limits],
        calibration=calibration,
        record=[models.ModelRecord(resolution=word, alarms=alarms) for word, alarms in card.record],
        shadows=[models.ModelShadow.model_validate(each) for each in card.shadows],
        blind_windows=card.blind.blind if card.blind else None,
        windows=card.blind.windows if card.blind else None,
        drift=models.ModelDrift.model_validate(card.drift) if card.drift else None,
        strangers=card.strangers,
    )
