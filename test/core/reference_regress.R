# The figures that test_regress.c is held to:
#   test_regress --write panel.csv; Rscript reference_regress.R panel.csv >regress_reference.h
# lm with dummies and sandwich::vcovCL (its sums by cluster alone: small-sample factors are written out below).
suppressMessages(library(sandwich))
d <- read.csv(commandArgs(TRUE)[1])

drop_alone <- function(d, by) {
  repeat {
    alone <- Reduce(`|`, lapply(by, function(b) ave(d[[b]], d[[b]], FUN = length) == 1), rep(FALSE, nrow(d)))
    if (!any(alone)) return(d)
    d <- d[!alone, ]
  }
}
nested <- function(inner, outer) all(tapply(outer, inner, function(o) length(unique(o)) == 1))

fit_case <- function(number, effects, clusters, graded) {
  d <- drop_alone(d, effects)
  if (graded) { d$sales <- d$graded_sales; d$promo <- d$graded }
  d$x1 <- d$x1 - 10000  # lm's own digits
  form <- paste(c("sales ~ promo + x1 + x2", sprintf("factor(%s)", effects)), collapse = " + ")
  m <- lm(as.formula(form), d)
  full <- m$rank
  k <- full - sum(vapply(effects, function(e)
    if (any(vapply(clusters, function(c) nested(d[[e]], d[[c]]), NA))) length(unique(d[[e]])) - 1 else 0, 0))
  n <- nrow(d)
  if (length(clusters) == 0) {
    v <- vcovHC(m, type = "HC0") * n / (n - k); df <- n - k
  } else {
    g <- min(vapply(clusters, function(c) length(unique(d[[c]])), 1L))
    v <- vcovCL(m, cluster = d[clusters], type = "HC0", cadjust = FALSE, multi0 = FALSE)
    v <- v * g / (g - 1) * (n - 1) / (n - k); df <- g - 1
  }
  b <- coef(m)
  if (length(clusters) == 2) {  # negative eigenvalues of the estimated slopes' covariance, set to zero
    own <- if (length(effects) == 0) names(b) else c("promo", "x1", "x2")
    e <- eigen(v[own, own], symmetric = TRUE)
    if (min(e$values) < -1e-12 * max(e$values))
      stop("case ", number, " needs repair: choose another")
  }
  X <- model.matrix(m)
  w <- colMeans(X[d$promo != 0, ]); w["promo"] <- 0
  expected <- sum(w * b); lift <- b["promo"] / expected
  gr <- -lift * w; gr["promo"] <- gr["promo"] + 1; gr <- gr / expected
  half <- qt(0.975, df) * sqrt(drop(t(gr) %*% v %*% gr))
  s <- c("promo", "x1", "x2")
  row <- c(number, n, k, df, b[s], sqrt(diag(v)[s]), summary(m)$r.squared, expected, 100 * (lift - half), 100 * (lift + half))
  cat("\t{", paste(sprintf("%.15g", row), collapse = ", "), "},\n", sep = "")
}
cat("/* Written by reference_regress.R with ", R.version.string, ", sandwich ", as.character(packageVersion("sandwich")),
    ". */\n/* clang-format off */\n", sep = "")
cat("/* case, n, k, df, promo, x1, x2, their errors, r2, expected, lift_low, lift_high */\n")
cat("static const double regress_reference[][14] = {\n")
fit_case(0, c(), c(), FALSE)
fit_case(1, c(), "unit", FALSE)
fit_case(2, c(), c("unit", "time"), FALSE)
fit_case(3, "unit", c(), FALSE)
fit_case(4, "unit", "unit", FALSE)
fit_case(5, c("unit", "time"), c(), FALSE)
fit_case(6, c("unit", "time"), "unit", FALSE)
fit_case(7, c("unit", "time"), "region", FALSE)
fit_case(8, c("unit", "time"), c("unit", "time"), FALSE)
fit_case(9, c("unit", "time"), c("region", "time"), FALSE)
fit_case(10, c(), c(), TRUE)
fit_case(11, c("unit", "time"), "time", TRUE)
cat("};\n")
