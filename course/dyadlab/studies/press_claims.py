"""What a popular article and other outlets made of the study, claim by claim, in our own words, beside the evidence.

Nothing here is drawn at random and nothing is quoted: each claim paraphrases a kind of sentence that such pieces hold,
sharpened until it says one thing. What the evidence says rests on published findings alone; the words in
square brackets are keys of ``REFERENCES``. ``hype`` is our judgement of a sentence, not of a journalist.

Standard library only.
"""

from dyadlab.studies.tables import TEXT, WHOLE, Table

COLUMNS = {
    "claim_id": TEXT,
    "claim": TEXT,
    "about": TEXT,
    "kind": TEXT,
    "hype": WHOLE,
    "design_needed": TEXT,
    "try_with": TEXT,
    "evidence": TEXT,
    "sources": TEXT,
}
ABOUT = ("mother", "infant", "both")
KINDS = ("description", "association", "prediction", "cause", "treatment")
HYPE = (1, 2, 3)

REFERENCES = {
    "lbc2024": "Lindley Baron-Cohen and others (2024), Development and Psychopathology. 10.1017/S0954579424001585",
    "registry": "ClinicalTrials.gov NCT04745494, probably the registration of the spray trial in lbc2024",
    "thesis": "Lindley Baron-Cohen, doctoral thesis, University College London, abstract. UCL Discovery 10127605",
    "georg2023": "Georg and others (2023), Clinical Psychology Review. 10.1016/j.cpr.2023.102322",
    "zeegers2017": "Zeegers and others (2017), Psychological Bulletin. 10.1037/bul0000114",
    "aldrich2021": "Aldrich and others (2021), Developmental Review. 10.1016/j.dr.2021.100946",
    "meins2013": "Meins and others (2013), on talk of minds, later theory of mind and symbolic play",
    "meins2018": "Meins and others (2018), on talk of minds and reading and mathematics at 7 and 11",
    "zeng2024": "Zeng and others (2024), on infants' salivary oxytocin at 4, 8 and 14 months",
    "brzozowska2022": "Brzozowska and others (2022), on caregivers' touch and infants' salivary oxytocin",
    "feldman2010": "Feldman and others (2010), Hormones and Behavior. 10.1016/j.yhbeh.2010.06.005",
    "touch2010": "Feldman and others (2010), Psychoneuroendocrinology. 10.1016/j.psyneuen.2010.01.013",
    "whitetraut2009": "White-Traut and others (2009), on lactating mothers' salivary oxytocin",
    "horvatgordon2005": "Horvat-Gordon and others (2005), on immunoassays of oxytocin in saliva",
    "martins2020": "Martins and others (2020), eLife 9:e62456",
    "maclean2019": "MacLean and others (2019), reply to critics of oxytocin assays",
    "vanijzendoorn2012": "van IJzendoorn and others (2012), on saliva after a nasal spray",
    "mah2013": "Mah and others (2013), on a nasal spray and mothers with postnatal depression",
    "mah2017": "Mah and others (2017), PMC5323507",
    "weisman2012": "Weisman and others (2012), on a nasal spray to fathers",
    "apterlevy2013": "Apter-Levy and others (2013), on families of chronically depressed mothers",
    "thul2020": "Thul and others (2020), review of oxytocin and postpartum depression",
    "wang2021": "Wang and others (2021), meta-analysis of the prevalence of postpartum depression",
    "hahnholbrook2018": "Hahn-Holbrook and others (2018), meta-analysis of EPDS prevalence",
    "levis2020": "Levis and others (2020), BMJ 371:m4022",
    "larkin2023": "Larkin and others (2023), the BabyMind trial. ISRCTN19383681",
    "cochrane2019": "Cochrane review of video feedback for parents (2019)",
    "kirk2015": "Kirk and others (2015), on talk of minds and theory of mind",
}
"""Key to citation, for the findings that the evidence column names."""

CLAIMS = (
    (
        "When a mother's words fit what her baby is thinking or feeling, the baby's saliva tends to hold "
        "more oxytocin.",
        "both",
        "association",
        1,
        "Film and saliva from many dyads at one time",
        "dyads",
        "Found once, in 62 dyads and five minutes of play; the exact size is not known to us. [lbc2024] A "
        "correlation of about .3 in so few dyads has a wide interval.",
        "lbc2024",
    ),
    (
        "How a mother talks to her baby directly changes the baby's hormone level.",
        "infant",
        "cause",
        3,
        "Mothers randomised to support for their talk, infants' oxytocin measured before and after",
        "dyads, worlds",
        "Not shown. The finding is a correlation at one time; talk was not randomised. [lbc2024]",
        "lbc2024",
    ),
    (
        "Talk that is tuned to the baby raises the baby's oxytocin, and more oxytocin in turn brings on "
        "more tuned talk.",
        "both",
        "cause",
        3,
        "Two experiments, one on talk and one on infants' oxytocin, and repeated measures at the right distance",
        "panel, moments, worlds",
        "Not shown. Talk was not randomised; a spray was given to mothers, not to infants, and their talk "
        "did not change significantly. [lbc2024] A spray to 35 fathers did raise their infants' oxytocin. "
        "[weisman2012]",
        "lbc2024 weisman2012",
    ),
    (
        "Mothers with symptoms of postnatal depression say fewer things that fit their baby's mind.",
        "mother",
        "association",
        1,
        "Mothers with and without symptoms, coded by people who do not know which is which",
        "dyads",
        "Found in the study. [lbc2024] Over 63 studies, depression and what mothers observably say of minds"
        " do not go together significantly. [georg2023]",
        "lbc2024 georg2023",
    ),
    (
        "Babies of mothers with postnatal depression have less oxytocin.",
        "infant",
        "association",
        2,
        "Infants of mothers with and without symptoms, in a larger sample",
        "dyads",
        "In the study this was a trend, not a significant result. [lbc2024]",
        "lbc2024",
    ),
    (
        "Low mood silences talk of minds, silence lowers the baby's oxytocin, and a quieter baby lowers the"
        " mother's mood.",
        "both",
        "cause",
        3,
        "Repeated measures of all three, and an experiment on each link",
        "panel, moments",
        "Not shown. By the thesis, talk that fits predicts the baby's oxytocin but does not carry an effect"
        " of mood on it. [thesis]",
        "thesis",
    ),
    (
        "About one new mother in five has postnatal depression.",
        "mother",
        "description",
        2,
        "Diagnostic interviews in a sample of all new mothers",
        "epds_items",
        "Pooled figures are 17 to 18 per cent; [wang2021] [hahnholbrook2018] many rest on questionnaires, "
        "and a screening score is not a diagnosis. [levis2020]",
        "wang2021 hahnholbrook2018 levis2020",
    ),
    (
        "Mothers with postnatal depression have less oxytocin themselves.",
        "mother",
        "association",
        2,
        "Mothers with and without symptoms; feeding, time of day and method of measurement the same",
        "dyads, saliva_samples",
        "Salivary oxytocin was lower in chronically depressed mothers; [apterlevy2013] in a review 8 of 12 "
        "studies pointed that way, mostly from plasma and with breastfeeding poorly controlled. [thul2020]",
        "apterlevy2013 thul2020",
    ),
    (
        "A baby whose mind is put into words will be securely attached later.",
        "infant",
        "prediction",
        2,
        "Talk coded in the first year, attachment assessed later by somebody who does not know the codes",
        "panel",
        "Pooled correlation .30, and .24 beside sensitivity: [zeegers2017] real, and far from a forecast "
        "for one child.",
        "zeegers2017",
    ),
    (
        "Children whose mothers talked about their minds do better in language and in understanding others.",
        "infant",
        "prediction",
        2,
        "Talk coded in infancy, children tested years later, schooling and family taken into account",
        "panel",
        "Pooled correlation with later abilities .14 over 42 studies; [aldrich2021] talk that fits went "
        "with later theory of mind. [meins2013] A claim of 40 per cent of variance rests on 18 children. "
        "[kirk2015]",
        "aldrich2021 meins2013 kirk2015",
    ),
    (
        "Early talk about the mind leads to better marks at school.",
        "infant",
        "prediction",
        3,
        "Children followed from infancy to school, in families rich and poor",
        "panel",
        "Reading and mathematics at 7 and 11 went with it in families of low socio-economic status only. [meins2018]",
        "meins2018",
    ),
    (
        "Babies with more oxytocin grow up more sociable and more resilient.",
        "infant",
        "prediction",
        3,
        "Infants' oxytocin measured several times, behaviour followed for years",
        "panel",
        "Thin. In one cohort the link of salivary oxytocin with positive affect turned round by 14 months. [zeng2024]",
        "zeng2024",
    ),
    (
        "Oxytocin makes mothers feel closer and respond more sensitively.",
        "mother",
        "cause",
        3,
        "Oxytocin against placebo, given at random, with sensitivity observed",
        "spray_trial",
        "With postnatal depression a spray made mothers sadder and their babies seem more difficult, though"
        " the bond was rated better; [mah2013] sensitivity to crying did not change. [mah2017]",
        "mah2013 mah2017",
    ),
    (
        "An oxytocin spray could help mothers with postnatal depression to tune in to their baby.",
        "mother",
        "treatment",
        3,
        "A placebo-controlled trial large enough to exclude effects worth having",
        "spray_trial",
        "One dose did not change talk significantly, and the authors ask for a larger trial; [lbc2024] in "
        "the registry mood was the primary outcome and talk a secondary one. [registry] No advice on "
        "treatment follows.",
        "lbc2024 registry",
    ),
    (
        "After the spray the mothers' saliva was full of oxytocin, so the drug had arrived where it works.",
        "mother",
        "cause",
        2,
        "A measure that a spray in the nose cannot reach directly",
        "spray_trial",
        "Saliva stays raised for seven hours and more after a spray; [vanijzendoorn2012] this is probably "
        "drug that was not taken up. [martins2020]",
        "vanijzendoorn2012 martins2020",
    ),
    (
        "Teaching mothers to notice their baby's cues improves how well their words fit.",
        "mother",
        "treatment",
        1,
        "Mothers randomised to support or to a control, everybody analysed",
        "support_trial",
        "Supported by one randomised trial of an app: more comments that fit (d about .6) and fewer that do"
        " not. [larkin2023] The size moves with the choice of analysis.",
        "larkin2023",
    ),
    (
        "Early support spares children of depressed mothers problems later in life.",
        "infant",
        "treatment",
        3,
        "A trial of support that follows the children for years",
        "support_trial",
        "Not tested for talk of minds. Video feedback improves sensitivity, with mixed results for "
        "attachment; for behaviour the pooled effect is .04 (-.33 to .42). [cochrane2019]",
        "cochrane2019",
    ),
    (
        "Cuddling and stroking a baby raises the baby's oxytocin.",
        "infant",
        "cause",
        2,
        "Touch asked for at random, infants' saliva before and after",
        "saliva_samples",
        "Caregivers' touch did not predict infants' salivary oxytocin, neither at once nor later; "
        "[brzozowska2022] in parents it rose in mothers who gave much affectionate touch. [touch2010]",
        "brzozowska2022 touch2010",
    ),
    (
        "Play fills mother and baby alike with oxytocin.",
        "both",
        "association",
        2,
        "Saliva before and after play, and before and after as long without play",
        "saliva_samples",
        "Parents' and infants' salivary oxytocin rose after 15 minutes of play and went together more where"
        " synchrony was high. [feldman2010] In lactating mothers it was highest before a feed. "
        "[whitetraut2009]",
        "feldman2010 whitetraut2009",
    ),
    (
        "A little saliva tells how much of the bonding hormone is at work in the brain.",
        "both",
        "description",
        3,
        "Oxytocin measured in brain fluid and saliva at the same time, with an assay known to be specific",
        "elisa_plates, saliva_samples",
        "Disputed. Some find nothing measurable in saliva but interference, [horvatgordon2005] and a single"
        " sample does not mark a person; [martins2020] others reply that methods may see different states "
        "of the molecule. [maclean2019]",
        "horvatgordon2005 martins2020 maclean2019",
    ),
)

WORLDS = {"anchor-like": CLAIMS}


def class_study(seed=None, claims=CLAIMS):
    """The claims in a fixed order; nothing is drawn, so the seed does nothing."""
    return Table(COLUMNS, [(f"C{number:02d}", *claim) for number, claim in enumerate(claims, start=1)])


def truth(world="anchor-like"):
    """There are no parameters: the claims are written, not drawn. Gives the references."""
    return dict(REFERENCES)
