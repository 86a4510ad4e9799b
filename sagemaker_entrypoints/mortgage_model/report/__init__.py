"""The validation report by subject, and what every page is made of.

page            the report: verdict first, then one section after the other
verdict         the answer, the main figures, every check     model           card, features, hyperparameters
metrics         every metric, sample by sample                 discrimination  ROC, CAP, segments
calibration     deciles, grades, months, tests                 stability       PSI, CSI, the loans to score, migration
benchmark       against challenger and model in force          explanation     SHAP, importance, partial dependence
stress          scenarios                                      fairness        groups
data            split, years, vintages, provenance
template        the frame of a page                            parts           tables, figures, badges
charts          charts as inline SVG
"""
