"""A pharmacy for tests: the day at Bocas with a short list of medicines and something on the shelf.

Ana prescribes, Pia dispenses and keeps the stock, Tina only triages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID

from clinic.pharmacy.dispensing import Give, dispense
from clinic.pharmacy.fefo import LotName
from clinic.pharmacy.medicines import import_medicines, read_list
from clinic.pharmacy.models import Dispensing, Medicine, Prescription, PrescriptionLine, StockMovement
from clinic.pharmacy.prescribing import Wanted, prescribe
from clinic.pharmacy.stock import balance_of
from clinic.pharmacy.stockkeeping import receive
from clinic.visits.models import Visit
from registry.people.models import Patient
from registry.places.models import Facility
from sync.ledger.recording import Author, recording
from tests.clinic.visits.day import Day

LIST = """code,name,form,strength,unit,atc,pack_size,min_stock
AMOX,Amoxicillin,capsule,500 mg,capsule,J01CA04,100,50
AMOXCL,Amoxicillin + clavulanic acid,tablet,625 mg,tablet,J01CR02,100,0
AMP,Ampicillin,capsule,500 mg,capsule,J01CA01,100,0
PARA,Paracetamol,tablet,500 mg,tablet,N02BE01,1000,100
SYR,Paracetamol,syrup,120 mg/5 ml,ml,N02BE01,60,0
CREAM,Clotrimazole,cream,1%,tube,D01AC01,1,0
"""
SOON = date(2027, 1, 31)
LATER = date(2028, 6, 30)
GONE = date(2026, 10, 31)
NO_LOT = LotName()


@dataclass
class Shelf:
    """Everybody and everything at the pharmacy of Bocas."""

    day: Day
    medicines: dict[str, Medicine] = field(default_factory=dict)

    @classmethod
    def filled(cls, day: Day) -> Shelf:
        """The list comes from central; nothing is in stock yet."""
        day.node.role = "central"
        import_medicines(by=Author(None, "test"), listed=read_list(content=LIST.encode(), name="list.csv"))
        day.node.role = "clinic"
        return cls(day, {one.code: one for one in Medicine.objects.all()})

    def __getitem__(self, code: str) -> Medicine:
        return self.medicines[code]

    @property
    def here(self) -> Facility:
        return self.day.cast.bocas

    @property
    def pia(self) -> Author:
        return self.day.cast.author(self.day.pia)

    def receive(
        self, code: str = "AMOX", quantity: int = 100, lot: str = "A1", expires: date | None = LATER
    ) -> StockMovement:
        return receive(
            by=self.pia,
            facility=self.here,
            medicine=self[code],
            quantity=quantity,
            lot_number=lot,
            expires_on=expires,
        )

    def expired(self, code: str = "AMOX", quantity: int = 10, lot: str = "OLD") -> None:
        """A lot that was good when it came."""
        self.move(code, quantity, LotName(lot, GONE))

    def move(self, code: str, quantity: int, lot: LotName = NO_LOT) -> None:
        """A movement as it may come from another laptop: nobody here was asked."""
        with recording(by=self.pia) as save:
            save.add(
                StockMovement,
                facility=self.here,
                medicine=self[code],
                lot_number=lot.number,
                expires_on=lot.expires_on,
                kind="receipt" if quantity > 0 else "dispensed",
                quantity=quantity,
                at=self.day.now,
            )

    def prescribe(
        self,
        *codes: str,
        patient: Patient | None = None,
        visit: Visit | None = None,
        quantity: int | None = None,
        override: str = "",
        save_id: UUID | None = None,
    ) -> Prescription:
        who = patient or (visit.patient if visit else self.day.patient())
        lines = [
            Wanted(self[code], "three-times", 5, Decimal(1), quantity, override=override)
            for code in codes or ("AMOX",)
        ]
        return prescribe(
            by=self.day.ana, patient=who, facility=self.here, lines=lines, visit=visit, save_id=save_id
        )

    def line(self, prescription: Prescription) -> PrescriptionLine:
        return PrescriptionLine.objects.get(prescription=prescription)

    def give(self, prescription: Prescription, quantity: int, save_id: UUID | None = None) -> Dispensing:
        return dispense(
            by=self.pia,
            prescription=prescription,
            facility=self.here,
            items=[Give(self.line(prescription), quantity)],
            save_id=save_id,
        )

    def balance(self, code: str = "AMOX", lot: str = "A1", expires: date | None = LATER) -> int:
        return balance_of(self.here, self[code], LotName(lot, expires))
