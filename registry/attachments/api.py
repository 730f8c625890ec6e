"""Photos and files for programs: attach one, read what is known of it, read the file.

Lives here: the calls under `attachments/`. A write takes `Idempotency-Key` (the save id). An answer of a form
names a file by the id that this gives. Not here: what may be attached (`policy.py`), writing (`services.py`).
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from registry.attachments.models import Attachment
from registry.attachments.services import keep_one, pick, set_photo
from registry.attachments.views import file_shown, served
from registry.people.api import KEY_HEADER, save_id_of, visible_patient
from registry.staff.selectors import author_of
from sync.problems import Problem


class NewAttachmentSerializer(serializers.Serializer[Any]):
    """What is sent."""

    patient = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Attachment.Kind.choices, default=Attachment.Kind.ANSWER)
    file = serializers.FileField()


class AttachmentSerializer(serializers.Serializer[Any]):
    """What is known of a file. `here`: whether its bytes are on this node."""

    id = serializers.UUIDField()
    patient = serializers.UUIDField()
    kind = serializers.CharField()
    media_type = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    name = serializers.CharField()
    here = serializers.BooleanField()


def _told(row: Attachment) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "patient": str(row.patient_id),
        "kind": row.kind,
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.sha256,
        "name": row.name,
        "here": row.is_here,
    }


class Attachments(APIView):
    """`attachments/`."""

    parser_classes = [MultiPartParser]

    @extend_schema(
        operation_id="attach_file",
        parameters=[KEY_HEADER],
        request={"multipart/form-data": NewAttachmentSerializer},
        responses={201: AttachmentSerializer},
    )
    def post(self, request: Request) -> Response:
        """Attach a picture (made small) or a PDF to a patient."""
        asked = NewAttachmentSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        patient, by = visible_patient(request, said["patient"]), author_of(request._request)
        picked = pick(
            by=by,
            file=said["file"].file,
            size=said["file"].size,
            patient_id=patient.pk,
            kind=said["kind"],
            name=said["file"].name,
            picture_only=said["kind"] == Attachment.Kind.PHOTO,
            save_id=save_id_of(request),
        )
        if said["kind"] == Attachment.Kind.PHOTO:
            return Response(_told(set_photo(by=by, patient=patient, picked=picked)), status=201)
        made = keep_one(by=by, patient=patient, attachment_id=picked.attachment_id)
        return Response(_told(made), status=201)


def _kept(request: Request, file_id: UUID) -> Attachment:
    row = file_shown(request._request, file_id)
    if not isinstance(row, Attachment):
        raise Problem("not-found", _("There is no such record here."), status=404)
    return row


class OneAttachment(APIView):
    """`attachments/{id}/`."""

    @extend_schema(operation_id="read_attachment", responses=AttachmentSerializer)
    def get(self, request: Request, file_id: UUID) -> Response:
        """What is known of a file."""
        return Response(_told(_kept(request, file_id)))


class AttachmentContent(APIView):
    """`attachments/{id}/content/`."""

    @extend_schema(
        operation_id="read_attachment_content",
        responses={200: OpenApiResponse(OpenApiTypes.BINARY, description="The file.")},
    )
    def get(self, request: Request, file_id: UUID) -> HttpResponseBase:
        """The file itself. One that is not here is asked for, and comes with the next sync."""
        return served(_kept(request, file_id))
