# The figures that 210_panel.sql is held to, from lm with dummies and sandwich:  Rscript test/reference/panel.R
# Data: Dominick's orange juice, brand 1 (bayesm).
suppressMessages({library(bayesm); library(sandwich)})
data(orangeJuice)
oj <- orangeJuice$yx
oj <- oj[oj$brand == 1, ]
oj$sales <- exp(oj$logmove)
nested <- function(inner, outer) all(tapply(outer, inner, function(o) length(unique(o)) == 1))
one <- function(name, formula, effects, clusters) {
  m <- lm(formula, oj)
  k <- m$rank - sum(vapply(effects, function(e)
    if (any(vapply(clusters, function(c) nested(oj[[e]], oj[[c]]), NA))) length(unique(oj[[e]])) - 1 else 0, 0))
  n <- nrow(oj)
  if (length(clusters) == 0) v <- vcovHC(m, type = "HC0") * n / (n - k)
  else {
    g <- min(vapply(clusters, function(c) length(unique(oj[[c]])), 1L))
    v <- vcovCL(m, cluster = oj[clusters], type = "HC0", cadjust = FALSE, multi0 = FALSE) * g / (g - 1) * (n - 1) / (n - k)
  }
  cat(sprintf("%-16s %.15g %.15g %.15g %.15g %.15g\n", name, coef(m)["feat"], sqrt(v["feat", "feat"]),
              coef(m)["price1"], sqrt(v["price1", "price1"]), summary(m)$r.squared))
}
plain <- sales ~ feat + deal + price1 + price5
cat("case             feat  its error  price1  its error  r2\n")
one("hc1", plain, c(), c())
one("store", plain, c(), "store")
one("week", plain, c(), "week")
one("store, week", plain, c(), c("store", "week"))
panel <- sales ~ feat + deal + price1 + price5 + factor(store) + factor(week)
one("panel hc1", panel, c("store", "week"), c())
one("panel store", panel, c("store", "week"), "store")
one("panel both", panel, c("store", "week"), c("store", "week"))
one("store effects", sales ~ feat + deal + price1 + price5 + factor(store), "store", "week")
