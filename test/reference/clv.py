#!/usr/bin/env python3
"""BG/NBD and Gamma-Gamma by SciPy, independent of the extension: parameters, log-likelihood and predictions.

    clv.py retail FILE       Online Retail (online_retail.csv.xz): fitted on orders to 2011-09-01, judged on the 100 days after
    clv.py retail FILE PEN   the same fit with a penalizer: for Gamma-Gamma, as a and b go for nought in this shop
    clv.py few PEN           eleven customers, with a penalizer, as test/core/test_bgnbd.c holds them; ages in days
    clv.py cdnow             predictions by the published CDNOW parameters
    clv.py points            expected orders at hostile points by quadrature and by hyp2f1, as test/core/test_bgnbd.c holds them
    clv.py time FILE [PEN]   seconds for the fit alone, FILE being rows x,t_x,T,mean_value without a header; with a penalizer

Likelihood and predictions are those of Fader, Hardie & Lee (2005), eqs. 6 and 10, by scipy.special.hyp2f1; Gamma-Gamma
those of Fader & Hardie (2013).  The optimiser is scipy's Nelder-Mead followed by BFGS, on log parameters.  Quotients of gamma functions are
taken as beta functions: differences of gammaln lose all digits where b is large, and the optimiser goes for the noise.
A penalizer is that of the Python package lifetimes 0.11.3: times are divided by the largest T, the sum of the squared
parameters is added to the mean loss there, and alpha is multiplied back; values of orders are left as they are.
"""
import sys
import time

import numpy as np
from scipy import integrate, optimize, special


def bgnbd_loglik(params, x, t_x, T):
    r, alpha, a, b = params
    front = (special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha)
             + special.betaln(a, b + x) - special.betaln(a, b))
    alive = -(r + x) * np.log(alpha + T)
    gone = np.where(x > 0, np.log(a) - np.log(np.maximum(b + x - 1, 1e-300)) - (r + x) * np.log(alpha + t_x), -np.inf)
    return front + np.logaddexp(alive, gone)


def gamma_gamma_loglik(params, x, m):
    p, q, g = params
    return (special.gammaln(p * x + q) - special.gammaln(p * x) - special.gammaln(q) + q * np.log(g)
            + (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(g + x * m))


def fit(loglik, start, *data, penalizer=0.0):
    def loss(z):
        return -np.mean(loglik(np.exp(z), *data)) + penalizer * np.sum(np.exp(z) ** 2)
    z = optimize.minimize(loss, np.log(start), method="Nelder-Mead", options={"maxiter": 20000, "xatol": 1e-7, "fatol": 1e-13}).x
    z = optimize.minimize(loss, z, method="BFGS", options={"gtol": 1e-9}).x
    return np.exp(np.clip(z, -18, 18))


def fit_bgnbd(start, x, t_x, T, penalizer=0.0):
    scale = 1 / T.max() if penalizer > 0 else 1.0
    r, alpha, a, b = start
    r, alpha, a, b = fit(bgnbd_loglik, [r, alpha * scale, a, b], x, t_x * scale, T * scale, penalizer=penalizer)
    return np.array([r, alpha / scale, a, b])


def p_alive(params, x, t_x, T):
    r, alpha, a, b = params
    odds = np.where(x > 0, a / np.maximum(b + x - 1, 1e-300) * ((alpha + T) / (alpha + t_x)) ** (r + x), 0)
    return 1 / (1 + odds)


def expected(params, x, t_x, T, t):
    r, alpha, a, b = params
    z = t / (alpha + T + t)
    if b > 1e3:  # nobody leaves: the limit, where hyp2f1 has no digits left
        return (r + x) / (alpha + T) * t * p_alive(params, x, t_x, T)
    h = special.hyp2f1(r + x, b + x, a + b + x - 1, z)
    return (a + b + x - 1) / (a - 1) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * h) * p_alive(params, x, t_x, T)


def p_order(params, x, t_x, T, t):
    r, alpha, a, b = params
    return p_alive(params, x, t_x, T) * -np.expm1((r + x) * np.log((alpha + T) / (alpha + T + t)))


def auc(score, outcome):
    order = np.argsort(score, kind="stable")
    s = score[order]
    first = np.searchsorted(s, s, "left")
    last = np.searchsorted(s, s, "right")
    rank = (first + last + 1) / 2
    y = outcome[order]
    n1 = y.sum()
    return (rank[y].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(y) - n1))


def retail(path, penalizer=0.0):
    penalizer = float(penalizer)
    import pandas as pd
    d = pd.read_csv(path, dtype={"CustomerID": str, "InvoiceNo": str})
    d.columns = ["invoice", "stock", "description", "quantity", "at", "price", "customer", "country"]
    d = d[d.customer.notna() & ~d.invoice.str.startswith("C") & (d.quantity > 0)]
    d["day"] = pd.to_datetime(d["at"]).dt.floor("D")
    d["amount"] = d.quantity * d.price
    days = d.groupby(["customer", "day"], as_index=False).amount.sum()
    days = days[days.amount > 0]
    split = pd.Timestamp("2011-09-01")
    before, after = days[days.day < split], days[days.day >= split]
    g = before.groupby("customer")
    first, last, n = g.day.min(), g.day.max(), g.day.count()
    x = (n - 1).to_numpy(float)
    t_x = ((last - first).dt.days / 7).to_numpy()
    T = ((split - first).dt.days / 7).to_numpy()
    params = fit_bgnbd([1, 10, 1, 2], x, t_x, T, penalizer)
    print("customers %d  repeat %d" % (len(x), (x > 0).sum()))
    print("r %.10g alpha %.10g a %.10g b %.10g  log-likelihood %.10g" % (*params, bgnbd_loglik(params, x, t_x, T).sum()))
    firsts = before.merge(first.rename("first"), on="customer")
    repeats = firsts[firsts.day > firsts["first"]].groupby("customer").amount.agg(["mean", "count"])
    m, k = repeats["mean"].to_numpy(), repeats["count"].to_numpy(float)
    gg = fit(gamma_gamma_loglik, [2, 2, m.mean()], k, m, penalizer=penalizer)
    print("p %.10g q %.10g gamma %.10g  log-likelihood %.10g" % (*gg, gamma_gamma_loglik(gg, k, m).sum()))
    horizon = (days.day.max() - split).days + 1
    later = after.groupby("customer").day.count().reindex(first.index).fillna(0).to_numpy()
    p = p_order(params, x, t_x, T, horizon / 7)
    e = expected(params, x, t_x, T, horizon / 7)
    print("horizon %d days  auc %.10g  one-time buyers alone %.10g" % (
        horizon, auc(p, later > 0), auc(p[x == 0], later[x == 0] > 0)))
    print("orders expected %.10g observed %d  mae %.10g" % (e.sum(), later.sum(), np.abs(e - later).mean()))
    order = np.argsort(p, kind="stable")
    for part in np.array_split(order, 10):
        print("  decile: predicted %.4f observed %.4f" % (p[part].mean(), (later[part] > 0).mean()))


def few(penalizer):
    x = np.array([0, 1, 1, 2, 2, 5, 0, 12, 3, 1, 2], float)
    t_x = np.array([0, 10, 20, 15, 30, 60, 0, 350, 25, 5, 40], float)
    T = np.array([30, 400, 365, 300, 365, 365, 200, 360, 380, 390, 350], float)
    params = fit_bgnbd([0.5, 100, 0.5, 2], x, t_x, T, float(penalizer))
    print("r %.10g alpha %.10g a %.10g b %.10g  log-likelihood %.10g" % (*params, bgnbd_loglik(params, x, t_x, T).sum()))


def cdnow():
    params = (0.243, 4.414, 0.793, 2.426)
    one = [np.array([v]) for v in (2.0, 30.43, 38.86)]
    print("expected %.12g  p_alive %.12g  p_order %.12g" % (
        expected(params, *one, 39.0)[0], p_alive(params, *one)[0], p_order(params, *one, 39.0)[0]))


def points():
    for r, alpha, a, b, x, t_x, T, t in [
            (0.243, 4.414, 0.793, 2.426, 2, 30.43, 38.86, 39), (0.243, 4.414, 1.0, 2.426, 2, 30.43, 38.86, 39),
            (0.5, 10, 1e-3, 3, 4, 20, 30, 52), (0.5, 10, 0.3, 0.2, 0, 0, 1, 5000), (2, 1, 5, 50, 300, 90, 100, 400),
            (50, 200, 40, 4000, 3, 90, 100, 40), (0.02, 0.5, 0.1, 0.1, 1, 0.1, 0.2, 20000), (1.5, 8, 3, 1, 0, 0, 0, 1e-6)]:
        s, beta, v = r + x, alpha + T, b + x

        def integrand(u):
            p = special.expit(u)
            gain = -special.expm1(-s * np.log1p(p * t / beta)) / p
            return np.exp(a * special.log_expit(u) + v * special.log_expit(-u) - special.betaln(a, v)) * gain
        low, high = -60 / a - 5, 60 / v + 30
        centre = np.log(a / v)
        cuts = np.unique(np.clip([low, centre - 20, centre - 3, centre, centre + 3, centre + 20, high], low, high))
        e = sum(integrate.quad(integrand, lo, hi, limit=2000, epsrel=1e-13, epsabs=0)[0] for lo, hi in zip(cuts, cuts[1:]))
        one = [np.array([float(k)]) for k in (x, t_x, T)]
        print("{%.17g, %.17g, %.17g, %.17g, %d, %.17g, %.17g, %.17g, %.15g}, /* hyp2f1: %.12g */" % (
            r, alpha, a, b, x, t_x, T, t, e * p_alive((r, alpha, a, b), *one)[0],
            expected((r, alpha, a, b), *one, t)[0] if a != 1 else np.nan))


def timing(path, penalizer=0.0):
    penalizer = float(penalizer)
    x, t_x, T, m = np.loadtxt(path, delimiter=",", unpack=True)
    began = time.time()
    params = fit_bgnbd([1, T.mean(), 1, 2], x, t_x, T, penalizer)
    gg = fit(gamma_gamma_loglik, [2, 2, m[x > 0].mean()], x[x > 0], m[x > 0], penalizer=penalizer)
    print(" ".join("%.10g" % v for v in [*params, *gg]), file=sys.stderr)
    print(time.time() - began)


if __name__ == "__main__":
    {"retail": retail, "few": few, "cdnow": cdnow, "points": points, "time": timing}[sys.argv[1]](*sys.argv[2:])
