#!/usr/bin/python3
"""statsmodels held against the figures of R in test/pgtap/300_lift_figures.sql (Debian: python3-statsmodels).

    /usr/bin/python3 test/reference/lift.py        the largest relative deviation of coefficient, error and r2
"""
import io
import re
import subprocess
import warnings

import numpy as np
import pandas as pd

warnings.filterwarnings("ignore")
import statsmodels.formula.api as smf  # noqa: E402

SQL = "test/pgtap/300_lift_figures.sql"


def data(name):
    csv = subprocess.run(["Rscript", "test/reference/lift.R", name], check=True, capture_output=True, text=True).stdout
    return pd.read_csv(io.StringIO(csv))


def main():
    wanted = {name: float(value) for name, value in re.findall(r"\t\('(.*)', (.*)\)", open(SQL).read())}
    juice = data("juice")
    experiment = data("lalonde")
    one = juice[(juice.store == 2) & (juice.brand == 1)]
    brands = " + ".join(f"I((brand == {b}) * 1)" for b in range(2, 9))
    formula = "sales ~ feature + np.log(price) + deal"
    fits = [
        ("juice", formula, juice, None),
        ("juice by store", formula, juice, "store"),
        ("juice by week", formula, juice, "week"),
        ("juice alone", "sales ~ feature", juice, None),
        ("juice eleven covariates",
         f"sales ~ I((feature > 0) * 1) + np.log(price) + deal + I(week / 100) + I(store / 100) + {brands}", juice, None),
        ("juice store 2 brand 1", formula, one, None),
        ("elasticity by week", "np.log(sales) ~ np.log(price) + feature + deal", juice, "week"),
        ("lalonde", "earnings ~ treated", experiment, None),
        ("lalonde adjusted", "earnings ~ treated + age + education", experiment, None),
    ]
    worst = 0.0
    for name, formula, frame, cluster in fits:
        if cluster is None:
            fit = smf.ols(formula, frame).fit(cov_type="HC1", use_t=True)
        else:
            fit = smf.ols(formula, frame).fit(cov_type="cluster", cov_kwds={"groups": frame[cluster]}, use_t=True)
        low, high = fit.conf_int().iloc[1]
        got = {"extra_sales_per_row": fit.params.iloc[1], "std_error": fit.bse.iloc[1], "t": fit.tvalues.iloc[1],
               "p_value": fit.pvalues.iloc[1], "ci_low": low, "ci_high": high, "r2": fit.rsquared}
        for key, value in got.items():
            figure = wanted[f"{name} {key}"]
            off = abs(value - figure) / abs(figure) if abs(figure) > 1e-290 else abs(value)
            if key != "p_value":
                worst = max(worst, off)
            if off > 1e-8:
                print(f"{name} {key}: statsmodels {value!r}, R {figure!r}")
    print(f"largest relative deviation {worst:.1e}")


main()
