"""Reasons for which people come to a clinic, as they are written down.

Lives here: `STORIES`: who comes with what, what is found, what it is called in the person's language and what
is given. Not here: figures of one visit (`histories.py`). Made up for the demo: nobody is treated by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """How one language puts it: what the person says, what it is, what to do."""

    complaint: str
    diagnosis: str
    plan: str


@dataclass(frozen=True, slots=True)
class Story:
    """One reason. `again_days` is when such a person comes back for the same, 0 where they do not."""

    code: str
    words: dict[str, Words]
    medicines: str
    ages: tuple[int, int] = (0, 95)
    sex: str = ""
    share: int = 3
    category: str = "general"
    again_days: int = 0
    temperature: float = 36.7
    systolic: int = 0
    signs: dict[str, str] = field(default_factory=dict)


def _in(
    es: tuple[str, str, str], fr: tuple[str, str, str], hi: tuple[str, str, str], ar: tuple[str, str, str]
) -> dict[str, Words]:
    return {"es": Words(*es), "fr": Words(*fr), "hi": Words(*hi), "ar": Words(*ar)}


STORIES: Final = (
    Story(
        "J06.9",
        _in(
            (
                "Tos y gripe",
                "Infección respiratoria alta",
                "Líquidos y reposo; volver si hay fiebre tres días.",
            ),
            (
                "Toux et rhume",
                "Infection des voies respiratoires hautes",
                "Boire, se reposer ; revenir si fièvre.",
            ),
            ("खाँसी और ज़ुकाम", "ऊपरी श्वसन तंत्र का संक्रमण", "आराम करें, पानी पिएँ; बुख़ार हो तो लौटें।"),
            ("سعال وزكام", "التهاب المجاري التنفسية العليا", "راحة وسوائل؛ العودة إذا استمرت الحمى."),
        ),
        "Paracetamol 500 mg, 1 × 3, 3 d",
        share=6,
        temperature=37.4,
    ),
    Story(
        "A09.9",
        _in(
            (
                "Diarrea desde ayer",
                "Diarrea aguda sin deshidratación",
                "Suero oral después de cada deposición.",
            ),
            (
                "Diarrhée depuis hier",
                "Diarrhée aiguë sans déshydratation",
                "SRO après chaque selle, zinc dix jours.",
            ),
            ("कल से दस्त", "तीव्र दस्त, निर्जलीकरण नहीं", "हर दस्त के बाद ओआरएस, दस दिन ज़िंक।"),
            ("إسهال منذ أمس", "إسهال حاد دون جفاف", "محلول الإمهاء بعد كل تغوط، وزنك عشرة أيام."),
        ),
        "ORS 1 L/d; zinc 20 mg × 1, 10 d",
        ages=(0, 60),
        share=5,
        temperature=37.2,
    ),
    Story(
        "J18.9",
        _in(
            ("Tos y respiración rápida", "Neumonía", "Antibiótico cinco días; control en dos días."),
            (
                "Toux et respiration rapide",
                "Pneumonie",
                "Antibiotique cinq jours ; contrôle dans deux jours.",
            ),
            ("खाँसी और तेज़ साँस", "निमोनिया", "पाँच दिन एंटीबायोटिक; दो दिन बाद दिखाएँ।"),
            ("سعال وتنفس سريع", "ذات الرئة", "مضاد حيوي خمسة أيام؛ مراجعة بعد يومين."),
        ),
        "Amoxicillin 250 mg, 2 × 2, 5 d",
        ages=(0, 8),
        share=3,
        again_days=2,
        temperature=38.7,
        signs={"respiratory_rate": "52", "spo2": "94"},
    ),
    Story(
        "B54",
        _in(
            ("Fiebre y escalofríos", "Malaria", "Tratamiento completo, dormir con mosquitero."),
            ("Fièvre et frissons", "Paludisme", "Traitement complet, dormir sous moustiquaire."),
            ("बुख़ार और कँपकँपी", "मलेरिया", "पूरी दवा लें, मच्छरदानी में सोएँ।"),
            ("حمى وقشعريرة", "ملاريا", "إكمال العلاج والنوم تحت الناموسية."),
        ),
        "Artemether/lumefantrine 20/120 mg, 4 × 2, 3 d",
        ages=(1, 70),
        share=2,
        again_days=7,
        temperature=39.1,
        signs={"malaria_test": "POSITIVE"},
    ),
    Story(
        "I10",
        _in(
            ("Control de la presión", "Hipertensión", "Menos sal, caminar; control en un mes."),
            ("Contrôle de la tension", "Hypertension", "Moins de sel, marcher ; contrôle dans un mois."),
            ("रक्तचाप की जाँच", "उच्च रक्तचाप", "नमक कम, रोज़ टहलें; एक महीने बाद जाँच।"),
            ("مراجعة ضغط الدم", "ارتفاع ضغط الدم", "تقليل الملح والمشي؛ مراجعة بعد شهر."),
        ),
        "Amlodipine 5 mg × 1, 30 d",
        ages=(38, 95),
        share=7,
        category="ncd-care",
        again_days=30,
        systolic=152,
    ),
    Story(
        "E11.9",
        _in(
            ("Control del azúcar", "Diabetes tipo 2", "Dieta, cuidado de los pies; control en un mes."),
            ("Contrôle du sucre", "Diabète de type 2", "Régime, soin des pieds ; contrôle dans un mois."),
            ("शुगर की जाँच", "मधुमेह टाइप 2", "खान-पान, पैरों की देखभाल; एक महीने बाद जाँच।"),
            ("مراجعة السكري", "سكري من النمط الثاني", "حمية وعناية بالقدمين؛ مراجعة بعد شهر."),
        ),
        "Metformin 500 mg × 2, 30 d",
        ages=(40, 95),
        share=4,
        category="ncd-care",
        again_days=30,
        systolic=136,
        signs={"glucose": "9.4"},
    ),
    Story(
        "Z34.9",
        _in(
            ("Control de embarazo", "Embarazo normal", "Hierro y ácido fólico; control en cuatro semanas."),
            (
                "Visite de grossesse",
                "Grossesse normale",
                "Fer et acide folique ; visite dans quatre semaines.",
            ),
            ("गर्भावस्था की जाँच", "सामान्य गर्भावस्था", "आयरन और फ़ोलिक एसिड; चार सप्ताह बाद जाँच।"),
            ("متابعة الحمل", "حمل طبيعي", "حديد وحمض الفوليك؛ مراجعة بعد أربعة أسابيع."),
        ),
        "Ferrous sulfate/folic acid 60/0.4 mg × 1, 30 d",
        ages=(18, 41),
        sex="female",
        share=9,
        category="anc",
        again_days=28,
        signs={"pregnant": "YES"},
    ),
    Story(
        "M54.5",
        _in(
            ("Dolor de espalda", "Lumbalgia", "Calor, no cargar peso; volver si empeora."),
            ("Mal au dos", "Lombalgie", "Chaleur, ne rien porter ; revenir si cela empire."),
            ("कमर में दर्द", "कमर दर्द", "सिकाई करें, भार न उठाएँ; बढ़े तो लौटें।"),
            ("ألم في أسفل الظهر", "ألم قطني", "تدفئة وعدم حمل الأثقال؛ العودة إذا ساء."),
        ),
        "Ibuprofen 400 mg × 3, 5 d",
        ages=(18, 80),
        share=4,
    ),
    Story(
        "L01.0",
        _in(
            ("Llagas en la piel", "Impétigo", "Lavar con jabón, uñas cortas."),
            ("Plaies sur la peau", "Impétigo", "Laver au savon, ongles courts."),
            ("त्वचा पर घाव", "इम्पेटिगो", "साबुन से धोएँ, नाख़ून छोटे रखें।"),
            ("قروح على الجلد", "القوباء", "غسل بالصابون وتقصير الأظافر."),
        ),
        "Cloxacillin 250 mg × 4, 7 d",
        ages=(1, 14),
        share=4,
        again_days=7,
        temperature=37.1,
    ),
    Story(
        "N39.0",
        _in(
            ("Ardor al orinar", "Infección urinaria", "Mucha agua; volver en tres días si sigue."),
            (
                "Brûlures en urinant",
                "Infection urinaire",
                "Boire beaucoup ; revenir dans trois jours si besoin.",
            ),
            ("पेशाब में जलन", "मूत्र संक्रमण", "ख़ूब पानी पिएँ; तीन दिन में ठीक न हो तो लौटें।"),
            (
                "حرقة عند التبول",
                "التهاب المسالك البولية",
                "شرب الماء بكثرة؛ العودة بعد ثلاثة أيام إن لم يتحسن.",
            ),
        ),
        "Nitrofurantoin 100 mg × 2, 5 d",
        ages=(15, 75),
        sex="female",
        share=3,
        temperature=37.3,
    ),
    Story(
        "T14.1",
        _in(
            ("Herida con machete", "Herida", "Limpieza y sutura; curación cada dos días."),
            ("Plaie à la machette", "Plaie", "Nettoyage et suture ; pansement tous les deux jours."),
            ("औज़ार से कटा", "घाव", "सफ़ाई और टाँके; हर दूसरे दिन पट्टी।"),
            ("جرح بأداة حادة", "جرح", "تنظيف وخياطة؛ تضميد كل يومين."),
        ),
        "Tetanus vaccine; paracetamol 500 mg × 3, 3 d",
        ages=(8, 70),
        share=3,
        again_days=2,
    ),
    Story(
        "K29.7",
        _in(
            ("Dolor de estómago", "Gastritis", "Comer despacio, evitar café y picante."),
            ("Douleur à l’estomac", "Gastrite", "Manger lentement, éviter café et piment."),
            ("पेट में दर्द", "जठरशोथ", "धीरे खाएँ, चाय और मिर्च कम करें।"),
            ("ألم في المعدة", "التهاب المعدة", "الأكل ببطء وتجنب القهوة والتوابل."),
        ),
        "Omeprazole 20 mg × 1, 14 d",
        ages=(15, 80),
        share=4,
        again_days=14,
    ),
)
