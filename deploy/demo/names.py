"""Names, telephone numbers and papers of people who do not exist.

Lives here: lists of names by community, in their own scripts, and how a community's telephone numbers and
identity papers look. Not here: putting a person together (`people.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Community:
    """People who share a language and a way of naming. In `phone` and `papers` every `#` becomes a digit."""

    language: str
    share: int
    women: tuple[str, ...]
    men: tuple[str, ...]
    families: tuple[str, ...]
    family_names: int
    phone: str
    papers: tuple[tuple[str, str], ...]


_NGABE_AND_SPANISH = Community(
    language="es",
    share=50,
    women=tuple(
        "Rosa Elena Marisol Yaritza Odilia Celestina Migdalia Eira Delfina Aurelia Besikó Mechi Meri Ñaru "
        "Bechi Tuira Kiara Itzel Lourdes Virginia Xiomara Damaris Edilma Noris Zuleika Ángela Mónica".split()
    ),
    men=tuple(
        "Chichi Rutilio Evaristo Isaías Mali Bernabé Ovidio Samuel Tito Eusebio Aquilino Benancio Ngubare "
        "Julián Rogelio Edwin Alexis Joaquín Héctor José Andrés Nicolás Mateo Tomás Ariel Iván Óscar".split()
    ),
    families=tuple(
        "Palacio Santos Abrego Miranda Jiménez Quintero Montezuma Carpintero Trotman Bejerano Smith Peña "
        "Castillo Serrano Machuca Baker Aguilar Taylor Molina Rodríguez Ábrego Beker Downs Villagra".split()
    ),
    family_names=2,
    phone="+507 6###-####",
    papers=(("pa:cedula", "1-7##-####"), ("pa:cedula", "12-###-###"), ("pa:css", "3##-####")),
)
_WEST_AFRICAN = Community(
    language="fr",
    share=20,
    women=tuple(
        "Aminata Fatoumata Mariam Awa Aïssatou Adjoua Akissi Rokia Bintou Oumou Ndèye Khady Afi Abla Éya "
        "Céleste Solange Brigitte Honorine Espérance".split()
    ),
    men=tuple(
        "Moussa Ibrahima Mamadou Ousmane Koffi Kouadio Yao Seydou Boubacar Issa Cheikh Modou Kossi Kodjo "
        "Adama Barthélemy Gaël Théophile Désiré Honoré".split()
    ),
    families=tuple(
        "Traoré Diallo Koné Coulibaly Ouédraogo Sawadogo N’Guessan Kouassi Diop Ndiaye Sow Camara Keïta "
        "Touré Mensah Agbodjan Zongo Kaboré Bamba Cissé".split()
    ),
    family_names=1,
    phone="+225 07 ## ## ## ##",
    papers=(("passport", "20AF#####"), ("ci:cni", "C0#########")),
)
_INDIAN = Community(
    language="hi",
    share=15,
    women=tuple("सुनीता मीना प्रिया अनीता कविता रेखा आशा गीता लक्ष्मी पूजा सीमा राधा किरण सावित्री नेहा".split()),
    men=tuple("राजेश संजय विक्रम अनिल सुरेश रमेश अर्जुन मोहन दीपक राहुल अशोक गोपाल हरीश मनोज विजय".split()),
    families=tuple("शर्मा वर्मा यादव पटेल सिंह गुप्ता मिश्रा चौहान जोशी तिवारी मौर्य पाण्डेय राठौर नायर".split()),
    family_names=1,
    phone="+91 98### #####",
    papers=(("in:aadhaar", "7### #### ####"), ("passport", "Z#######")),
)
_ARAB = Community(
    language="ar",
    share=15,
    women=tuple("فاطمة مريم عائشة زينب ليلى سلمى نور هدى سعاد أمينة رقية خديجة إيمان هناء ياسمين".split()),
    men=tuple("محمد أحمد علي يوسف عمر حسن إبراهيم خالد سعيد مصطفى طارق ياسين نبيل كريم سليمان".split()),
    families=tuple(
        "حداد الخطيب النجار منصور العلي صالح الحسن عثمان البكري ناصر الشامي دياب قاسم جبريل".split()
    ),
    family_names=1,
    phone="+963 93# ### ###",
    papers=(("passport", "N00#######"), ("unhcr", "8##-23C#####")),
)
COMMUNITIES: Final = (_NGABE_AND_SPANISH, _WEST_AFRICAN, _INDIAN, _ARAB)
