"""Who may open which address: one line for each, held to by `test_every_address.py`.

A new address needs a line here. Letters are roles: r registrar, t triage, p provider, h pharmacist, l
laboratory, c coordinator, o the programme office. `page` is read, `deed` is posted, `form` is both. Every
record in an address is one of a patient of the asker's place, or there is none. Not here: what single fields
and states allow (each room's tests).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from registry.staff.policy import Role

LETTERS: Final = {
    Role.REGISTRAR: "r",
    Role.TRIAGE: "t",
    Role.PROVIDER: "p",
    Role.PHARMACIST: "h",
    Role.LAB: "l",
    Role.COORDINATOR: "c",
    Role.CENTRAL_ADMIN: "o",
}
ANYBODY: Final = "anybody"
WITH_LOG_IN: Final = "with a log-in"
ALL: Final = "rtphlco"
CLINIC: Final = "rtphlc"
REGISTERS: Final = "rtpc"
NodeRole = Literal["clinic", "central", "either"]


@dataclass(frozen=True, slots=True)
class Rule:
    """Who reads an address and who posts to it; `only` where just one kind of node has it, `either` where it
    is somebody else's at the clinic than at central.
    """

    who: str
    posts: str
    only: NodeRole | None = None

    def reads(self, role: Role) -> bool:
        return LETTERS[role] in self.who

    def writes(self, role: Role) -> bool:
        return LETTERS[role] in self.posts

    def on(self, node_role: str) -> bool:
        return self.only in (None, node_role)


def page(who: str, only: NodeRole | None = None) -> Rule:
    return Rule(who, "", only)


def deed(who: str, only: NodeRole | None = None) -> Rule:
    return Rule("", who, only)


def form(who: str, posts: str | None = None, only: NodeRole | None = None) -> Rule:
    return Rule(who, who if posts is None else posts, only)


OPEN: Final = Rule(ANYBODY, ANYBODY)
OWN: Final = Rule(WITH_LOG_IN, WITH_LOG_IN)

MOVES: Final = ("send", "claim", "release", "skip", "leave", "return", "priority", "close")

_API: Final[dict[str, Rule]] = {
    "patients/": form(ALL, REGISTERS),
    "patients/<uuid:patient_id>/": page(ALL),
    "patients/<uuid:patient_id>/history/": page(ALL),
    "patients/<uuid:patient_id>/relations/": form(ALL, REGISTERS),
    "patients/<uuid:patient_id>/relations/<uuid:relation_id>/": deed(""),
    "patients/<uuid:patient_id>/timeline/": page(ALL),
    "attachments/": deed(CLINIC),
    "attachments/<uuid:file_id>/": page(ALL),
    "attachments/<uuid:file_id>/content/": page(ALL),
    "openings/": page("co"),
    "medicines/": page(ALL),
    "prescriptions/": form(CLINIC, "p"),
    "prescriptions/<uuid:prescription_id>/": page(ALL),
    "prescription-lines/<uuid:line_id>/cancel/": deed("p"),
    "prescription-lines/<uuid:line_id>/end/": deed("ph"),
    "dispensings/": deed("ph"),
    "dispensings/<uuid:dispensing_id>/": page(ALL),
    "allergies/": form(ALL, "tph"),
    "allergies/<uuid:allergy_id>/refute/": deed("p"),
    "stock/": page(CLINIC),
    "stock/receipts/": deed("hc"),
    "stock/adjustments/": deed("hc"),
    "stock/counts/": deed("hc"),
    "stock/movements/": page(CLINIC),
    "visits/": deed(REGISTERS),
    "visits/<uuid:visit_id>/": page(ALL),
    **{f"visits/<uuid:visit_id>/{move}/": deed(CLINIC) for move in MOVES},
    "enrollments/": deed(REGISTERS),
    "enrollments/<uuid:enrollment_id>/": page(ALL),
    "enrollments/<uuid:enrollment_id>/steps/": deed(CLINIC),
    "icd10/": page(ALL),
    "worklists/": page(ALL),
    "events/": deed(CLINIC),
    "events/<uuid:event_id>/": page(ALL),
    "board/": page(ALL),
    "board/live/": page(ALL),
    "lab/orders/": form("tpl", "tp"),
    "lab/orders/<uuid:order_id>/result/": deed("pl"),
    "lab/orders/<uuid:order_id>/cancel/": deed("tp"),
    "lab/orders/<uuid:order_id>/seen/": deed("tp"),
    "lab/results/<uuid:result_id>/": deed(""),
    "referrals/": form("rtpco", "tp"),
    "referrals/<uuid:referral_id>/receive/": deed("tp"),
    "referrals/<uuid:referral_id>/answer/": deed("tp"),
    "referrals/<uuid:referral_id>/cancel/": deed("tp"),
    "reports/register/": page("pco"),
    "reports/morbidity/": page("pco"),
    "reports/visits/": page("pco"),
    "reports/stock/": page("pco"),
    "reports/programs/": page("pco"),
    "sync/": page(ALL),
    "sync/now/": deed("co"),
    "sync/live/": page(ALL),
    "conflicts/": page(ALL),
    "conflicts/<int:conflict_id>/resolve/": deed("pco"),
    "quarantine/": page(ALL),
    "quarantine/<int:aside_id>/release/": deed("pco"),
    "quarantine/<int:aside_id>/reject/": deed("pco"),
    "schema/": OPEN,
}

_ACCOUNT: Final[dict[str, Rule]] = {
    # django-allauth's own; those for people without a log-in are open.
    "account/login/": OPEN,
    "account/logout/": OPEN,
    "account/inactive/": OPEN,
    "account/signup/": OPEN,
    "account/reauthenticate/": OWN,
    "account/email/": OWN,
    "account/confirm-email/": OPEN,
    r"account/^confirm-email/(?P<key>[-:\w]+)/$": OPEN,
    "account/password/change/": OWN,
    "account/password/set/": OWN,
    "account/password/reset/": OPEN,
    "account/password/reset/done/": OPEN,
    "account/password/reset/key/done/": OPEN,
    r"account/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": OPEN,
    "account/login/code/confirm/": OPEN,
    "account/2fa/": OWN,
    "account/2fa/authenticate/": OPEN,
    "account/2fa/reauthenticate/": OWN,
    "account/2fa/totp/activate/": OWN,
    "account/2fa/totp/deactivate/": OWN,
    "account/2fa/recovery-codes/": OWN,
    "account/2fa/recovery-codes/generate/": OWN,
    "account/2fa/recovery-codes/download/": OWN,
    "account/sessions/": OWN,
    "i18n/setlang/": OPEN,
    "me/": OWN,
    "me/pin/": OWN,
    "me/sessions/end/": OWN,
    "me/password/": OWN,
    "switch/": OPEN,
    "switch/touched/": OPEN,
    "switch/<uuid:staff_id>/": OPEN,
    "tablet/join/": OPEN,
    "tablet/proof/": OPEN,
    "blocked/report/": OPEN,
    "worker.js": OPEN,
    "tablet/ping/": OPEN,
    "tablet/leave/": OPEN,
    "tablet/outbox/": OPEN,
    "tablet/without-laptop/<str:why>/": OPEN,
    "tablet/drafts/": OWN,
    "tablet/drafts/discard/": OWN,
    "tablet/kept/": OWN,
    "guide/": OPEN,
    "guide/<slug:page>/": OPEN,
    "guide/pictures/<str:name>": OPEN,
    # Nodes sign what they ask; tests/sync has what each refuses.
    "sync/v1/<slug:name>": OPEN,
    "_components/": OPEN,
}

_OFFICE: Final[dict[str, Rule]] = {
    "staff/": page("co"),
    "staff/rights/": page(ALL),
    "staff/add/": deed("o"),
    "staff/<uuid:staff_id>/": page("co"),
    "staff/<uuid:staff_id>/give/": deed("o"),
    "staff/<uuid:staff_id>/roles/<uuid:role_id>/end/": deed("o"),
    "staff/<uuid:staff_id>/password/": deed("o"),
    "staff/<uuid:staff_id>/end/": deed("o"),
    "staff/<uuid:staff_id>/code/": deed("o"),
    "staff/<uuid:staff_id>/second-step/": deed("o"),
    "staff/requests/": page("o", "central"),
    "staff/requests/<uuid:request_id>/<str:act>/": deed("o", "central"),
    "log-ins/": form("co", only="either"),
    "log-ins/<int:log_in_id>/reviewed/": deed("co", "either"),
    "team/": page("co", "either"),
    "team/add/": form("c", only="clinic"),
    "team/<uuid:staff_id>/<str:act>/": form("co", only="either"),
    "blocked/": page("co", "either"),
    "access/": page("co"),
    "laptop/": page("c", "clinic"),
    "laptop/close/": form("c", only="clinic"),
    "laptop/slip/": page("c", "clinic"),
    "laptop/off/": deed("c", "clinic"),
    "tablets/": page("c"),
    "tablets/add/": form("c"),
    "tablets/offer/<int:offer_id>/": page("c"),
    "tablets/<uuid:tablet_id>/revoke/": form("c"),
    "tablets/<uuid:tablet_id>/looked-into/": deed("c"),
    "central/rules/": page("o"),
    "central/programs/import/": form("o", only="central"),
    "central/nodes/": page("o", "central"),
    "central/nodes/enroll/": deed("o", "central"),
    "central/nodes/<uuid:node_id>/": page("o", "central"),
    "central/nodes/<uuid:node_id>/revoke/": deed("o", "central"),
    "central/nodes/<uuid:node_id>/recovery/": form("o", only="central"),
    "medicines/": page("o"),
    "medicines/import/": form("o"),
    "sync/": page(ALL),
    "sync/now/": deed("co"),
    "sync/progress/": page(ALL),
    "sync/badge/": page(ALL),
    "review/": page(ALL),
    "review/conflicts/<int:conflict_id>/": form("pco"),
    "review/quarantine/<int:aside_id>/": page(ALL),
    "review/quarantine/<int:aside_id>/release/": deed("pco"),
    "review/quarantine/<int:aside_id>/reject/": deed("pco"),
    "reports/": page("pco"),
    "reports/<slug:which>.csv": page("pco"),
    "reports/<slug:which>/": page("pco"),
}

_CARE: Final[dict[str, Rule]] = {
    "": page(ALL),
    "queue/": page(ALL),
    "board/": page(ALL),
    "day/": form("c"),
    "station/": form(ALL),
    "board/live/": page(ALL),
    "find/": page(ALL),
    "find/scan/": deed(ALL),
    "register/": form(REGISTERS),
    "register/villages/": page(REGISTERS),
    "register/likely/": deed(REGISTERS),
    "cards/": page(REGISTERS),
    "patients/<uuid:patient_id>/": page(ALL),
    "patients/<uuid:patient_id>/reason/": form(ALL),
    "patients/<uuid:patient_id>/edit/": form(REGISTERS),
    "patients/<uuid:patient_id>/history/": page(ALL),
    "patients/<uuid:patient_id>/family/": form(REGISTERS),
    "patients/<uuid:patient_id>/family/unlink/": deed(REGISTERS),
    "patients/<uuid:patient_id>/card/": page(REGISTERS),
    "patients/<uuid:patient_id>/label/": page(REGISTERS),
    "patients/<uuid:patient_id>/photo/": deed(REGISTERS),
    "patients/<uuid:patient_id>/visit/": deed(REGISTERS),
    "patients/<uuid:patient_id>/enroll/": form(ALL, REGISTERS),
    "patients/<uuid:patient_id>/followed-up/": deed(CLINIC),
    "patients/<uuid:patient_id>/measurements/": page(ALL),
    "patients/<uuid:patient_id>/allergies/": form(ALL, "tph"),
    "attachments/pick/": deed(ALL),
    "attachments/<uuid:file_id>/": page(ALL),
    "attachments/<uuid:file_id>/small/": page(ALL),
    "options/<uuid:version_id>/<str:key>/": page(ALL),
    "icd10/": page(ALL),
    "worklist/": page(ALL),
    "enrollments/<uuid:enrollment_id>/": page(ALL),
    "enrollments/<uuid:enrollment_id>/card/": page(ALL),
    "enrollments/<uuid:enrollment_id>/fill-in/": deed(CLINIC),
    "enrollments/<uuid:enrollment_id>/decide/": deed(CLINIC),
    "enrollments/<uuid:enrollment_id>/answers/": form(REGISTERS),
    "enrollments/<uuid:enrollment_id>/history/": page(ALL),
    "enrollments/<uuid:enrollment_id>/days/": deed(REGISTERS),
    "visits/<uuid:visit_id>/": page(ALL),
    "visits/<uuid:visit_id>/claim/": deed(CLINIC),
    "visits/<uuid:visit_id>/move/": deed(CLINIC),
    "visits/<uuid:visit_id>/send/": deed(CLINIC),
    "visits/<uuid:visit_id>/close/": deed(CLINIC),
    "visits/<uuid:visit_id>/stages/<str:stage_id>/": form(ALL, "tp"),
    "visits/<uuid:visit_id>/prescribe/": page("p"),
    "visits/<uuid:visit_id>/prescribe/<uuid:medicine_id>/": form("p"),
    "visits/<uuid:visit_id>/tests/": form("tp"),
    "visits/<uuid:visit_id>/refer/": form("tp"),
    "events/<uuid:event_id>/history/": page(ALL),
    "medicines/<uuid:medicine_id>/comes-to/": page(ALL),
    "prescription-lines/<uuid:line_id>/cancel/": deed("p"),
    "prescription-lines/<uuid:line_id>/end/": deed("ph"),
    "pharmacy/": page("ph"),
    "prescriptions/<uuid:prescription_id>/dispense/": form("ph"),
    "dispensings/<uuid:dispensing_id>/": form(ALL, "ph"),
    "dispensings/<uuid:dispensing_id>/labels/": page(ALL),
    "allergies/<uuid:allergy_id>/refute/": deed("p"),
    "stock/": page(CLINIC),
    "stock/receive/": page("hc"),
    "stock/count/": form("hc"),
    "stock/<uuid:medicine_id>/": page(CLINIC),
    "stock/<uuid:medicine_id>/receive/": form("hc"),
    "stock/<uuid:medicine_id>/adjust/": form("hc"),
    "lab/": page("tpl"),
    "lab/patients/<uuid:patient_id>/": form("pl"),
    "lab/results/<uuid:result_id>/": form("pl"),
    "lab/orders/<uuid:order_id>/taken/": deed("pl"),
    "lab/orders/<uuid:order_id>/cancel/": deed("tp"),
    "lab/orders/<uuid:order_id>/seen/": deed("tp"),
    "referrals/": page("rtpco"),
    "referrals/<uuid:referral_id>/": page(ALL),
    "referrals/<uuid:referral_id>/letter/": page(ALL),
    "referrals/<uuid:referral_id>/receive/": deed("tp"),
    "referrals/<uuid:referral_id>/answer/": deed("tp"),
    "referrals/<uuid:referral_id>/cancel/": deed("tp"),
}
RULES: Final[dict[str, Rule]] = {
    **{f"api/v1/{route}": rule for route, rule in _API.items()},
    **_ACCOUNT,
    **_OFFICE,
    **_CARE,
}
