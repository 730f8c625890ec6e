"""Places on the map: coordinates and GeoJSON.

Lives here, pure: `coordinate_text` ("[longitude,latitude]", as DHIS2 keeps it) and `geojson_text` (RFC 7946,
compact). Not here: the other kinds of values (`values.py`).
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from clinic.forms.numbers import number_text
from clinic.forms.refusals import BadValue
from registry.refusals import _

_PAIR = re.compile(r"\[?\s*([^,\[\]]+?)\s*,\s*([^,\[\]]+?)\s*\]?")
_DEPTHS: Final = {
    "Point": 0,
    "MultiPoint": 1,
    "LineString": 1,
    "MultiLineString": 2,
    "Polygon": 2,
    "MultiPolygon": 3,
}


def coordinate_text(text: str) -> str:
    """One spelling of `[longitude,latitude]`; raises `BadValue`."""
    found = _PAIR.fullmatch(text)
    if found is None:
        raise BadValue("not-a-coordinate", _("Write two numbers: longitude and latitude."))
    longitude, latitude = number_text(found[1]), number_text(found[2])
    if abs(float(latitude)) > 90:
        raise BadValue("latitude-range", _("The latitude lies between -90 and 90."))
    if abs(float(longitude)) > 180:
        raise BadValue("longitude-range", _("The longitude lies between -180 and 180."))
    return f"[{longitude},{latitude}]"


def coordinate_parts(text: str) -> tuple[str, str]:
    """(latitude, longitude) of a stored coordinate, as people say it; what cannot be read stands as the
    first.
    """
    found = _PAIR.fullmatch(text)
    return (found[2], found[1]) if found else (text, "")


def geojson_text(text: str) -> str:
    """Compact GeoJSON; raises `BadValue`."""
    try:
        shape = json.loads(text)
        _check_shape(shape)
        return json.dumps(shape, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadValue("not-geojson", _("This is not GeoJSON: a point, line or area in JSON.")) from None


def _check_shape(shape: Any) -> None:
    kind = shape["type"]
    if kind == "FeatureCollection":
        for feature in _list(shape["features"]):
            _check_feature(feature)
    elif kind == "Feature":
        _check_feature(shape)
    else:
        _check_geometry(shape)


def _check_feature(feature: Any) -> None:
    if feature["type"] != "Feature" or not isinstance(feature.get("properties"), dict | None):
        raise ValueError("feature")
    if feature["geometry"] is not None:
        _check_geometry(feature["geometry"])


def _check_geometry(shape: Any) -> None:
    if shape["type"] == "GeometryCollection":
        for inner in _list(shape["geometries"]):
            _check_geometry(inner)
    else:
        _check_points(shape["coordinates"], _DEPTHS[shape["type"]])


def _check_points(points: Any, depth: int) -> None:
    if depth:
        for inner in _list(points):
            _check_points(inner, depth - 1)
        return
    numbers = _list(points)
    if not 2 <= len(numbers) <= 3 or not all(_is_number(number) for number in numbers):
        raise ValueError("position")
    if abs(numbers[0]) > 180 or abs(numbers[1]) > 90:
        raise ValueError("range")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("list")
    return value
