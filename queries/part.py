"""What every node and every part of a node is built on, and how a reader of foreign JSON complains.

Fields are snake_case, the alias is the spelling on the wire (api section U). Keys that only concern
the picture (api U3) are dropped on reading; any other unknown key is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from queries.errors import Path

# api U3, and the keys of U2 that never change a number.
# fmt: off
PRESENTATIONAL = frozenset(
    {
        "full", "embedded", "showHeader", "showTable", "showCorrelationTable", "showFilters", "showResults",
        "showLastComputation", "showLastComputationRefresh", "hidePersonsModal", "hideTooltipOnScroll",
        "suppressSessionAnalysisWarning", "vizSpecificOptions", "chartSettings", "tableSettings", "display",
        "showLegend", "showValuesOnSeries", "showLabelsOnSeries", "showPercentStackView", "showTrendLines",
        "showMovingAverage", "movingAverageIntervals", "showConfidenceIntervals", "confidenceLevel",
        "showAlertThresholdLines", "showMultipleYAxes", "yAxisScaleType", "aggregationAxisFormat",
        "aggregationAxisPrefix", "aggregationAxisPostfix", "decimalPlaces", "minDecimalPlaces", "goalLines",
        "hiddenLegendIndexes", "hiddenLegendBreakdowns", "resultCustomizationBy", "resultCustomizations",
        "detailedResultsAggregationType", "layout", "funnelStepReference", "stacked", "toggledLifecycles",
        "dashboardDisplay", "retentionReference", "meanRetentionCalculation", "useUdf", "dataColorTheme",
        "tags", "version", "response",
    }
)
# fmt: on


class Part(BaseModel):
    """A frozen, hashable value read from JSON; camelCase on the wire."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        allow_inf_nan=False,
    )

    ignored_keys: ClassVar[frozenset[str]] = PRESENTATIONAL
    always_written: ClassVar[frozenset[str]] = frozenset({"kind"})  # in JSON, even with their default

    @model_validator(mode="before")
    @classmethod
    def _drop_presentational(cls, raw: Any) -> Any:  # foreign JSON: any shape
        if not isinstance(raw, Mapping):
            return raw
        known = {field.alias for field in cls.model_fields.values()} | cls.model_fields.keys()
        return {key: value for key, value in raw.items() if key in known or key not in cls.ignored_keys}

    def to_wire(self) -> dict[str, Any]:
        """The value as JSON in the wire's spelling: what differs from the defaults, and what it is.

        Equal parts give equal JSON, and reading it gives an equal part.
        """
        wire: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            if not field.exclude and (name in self.always_written or value not in (None, field.default)):
                wire[field.alias or name] = _as_json(value)
        return wire


def _as_json(value: object) -> Any:
    if isinstance(value, Part):
        return value.to_wire()
    if isinstance(value, tuple):
        return [_as_json(item) for item in value]
    return value.value if isinstance(value, StrEnum) else value


class SnakePart(Part):
    """A part whose keys are snake_case on the wire too."""

    model_config = ConfigDict(alias_generator=None)


def complaint(code: str, detail: str, path: Path = ()) -> PydanticCustomError:
    """A broken rule found while reading, at `path` below the field being read.

    `code` is the contract's (`required`, `invalid_choice`, `not_supported`...), see `queries.parse`.
    """
    return PydanticCustomError(code, "{detail}", {"detail": detail, "path": path})


def _no_boolean(raw: object) -> object:
    if isinstance(raw, bool):
        raise complaint("parse_error", "Input should be a whole number.")
    return raw


def _absent(raw: object) -> None:
    if raw is not None:
        raise complaint("not_supported", "This option is not supported by this server.")


Whole = Annotated[int, BeforeValidator(_no_boolean)]
GroupTypeIndex = Annotated[Whole, Field(ge=0, le=4)]
SamplingFactor = Annotated[float, Field(gt=0, le=1)]
NotBuilt = Annotated[None, BeforeValidator(_absent)]
