# Figures of R for promo_lift_fit and promo_elasticity_fit on real data.
#
#   Rscript test/reference/lift.R juice      Dominick's orange juice (bayesm) as CSV: store, week, brand, sales, feature, deal, price
#   Rscript test/reference/lift.R lalonde    LaLonde's experiment (Matching) as CSV: earnings, treated, age, education
#   Rscript test/reference/lift.R figures    rows (name, value), as test/pgtap/300_lift.sql holds them
#
# Debian: r-cran-bayesm r-cran-matching r-cran-sandwich.  price is the brand's own, in dollars an ounce; sales are ounces.
suppressMessages({library(bayesm); library(Matching); library(sandwich)})

data(orangeJuice)
yx <- orangeJuice$yx
juice <- data.frame(store = yx$store, week = yx$week, brand = yx$brand, sales = exp(yx$logmove), feature = yx$feat, deal = yx$deal,
                    price = as.matrix(yx[, paste0("price", 1:11)])[cbind(seq_len(nrow(yx)), yx$brand)])
data(lalonde)
experiment <- data.frame(earnings = lalonde$re78, treated = lalonde$treat, age = lalonde$age, education = lalonde$educ)

show <- function(name, values) cat(sprintf("\t('%s', %.17g),\n", paste0(name, " ", names(values)), values), sep = "")

# What promo_lift_fit says of term 2 of a fit, by a covariance V and Student's t with df.
effect <- function(name, m, V, df, promoted) {
  b <- coef(m)
  se <- sqrt(V[2, 2])
  q <- qt(0.975, df)
  w <- colMeans(model.matrix(m)[promoted, , drop = FALSE])
  w[2] <- 0
  expected <- sum(w * b)
  lift <- b[[2]] / expected
  g <- (replace(0 * b, 2, 1) - lift * w) / expected
  s <- sqrt(drop(t(g) %*% V %*% g))
  show(name, c(extra_sales_per_row = b[[2]], std_error = se, t = b[[2]] / se, p_value = 2 * pt(-abs(b[[2]] / se), df),
               ci_low = b[[2]] - q * se, ci_high = b[[2]] + q * se, expected_without_promo = expected,
               lift_percent = 100 * lift, lift_low = 100 * (lift - q * s), lift_high = 100 * (lift + q * s),
               r2 = summary(m)$r.squared))
}

figures <- function() {
  m <- lm(sales ~ feature + log(price) + deal, juice)
  promoted <- juice$feature != 0
  effect("juice", m, vcovHC(m, "HC1"), m$df.residual, promoted)
  effect("juice by store", m, vcovCL(m, juice$store, type = "HC1"), length(unique(juice$store)) - 1, promoted)
  effect("juice by week", m, vcovCL(m, juice$week, type = "HC1"), length(unique(juice$week)) - 1, promoted)
  m <- lm(sales ~ feature, juice)
  effect("juice alone", m, vcovHC(m, "HC1"), m$df.residual, promoted)
  m <- lm(sales ~ as.numeric(feature > 0) + log(price) + deal + I(week / 100) + I(store / 100) + I(brand == 2) + I(brand == 3) + I(brand == 4) +
            I(brand == 5) + I(brand == 6) + I(brand == 7) + I(brand == 8), juice)
  effect("juice eleven covariates", m, vcovHC(m, "HC1"), m$df.residual, promoted)
  one <- subset(juice, store == 2 & brand == 1)
  m <- lm(sales ~ feature + log(price) + deal, one)
  effect("juice store 2 brand 1", m, vcovHC(m, "HC1"), m$df.residual, one$feature != 0)
  m <- lm(log(sales) ~ log(price) + feature + deal, juice)
  effect("elasticity by week", m, vcovCL(m, juice$week, type = "HC1"), length(unique(juice$week)) - 1, promoted)
  m <- lm(earnings ~ treated, experiment)
  effect("lalonde", m, vcovHC(m, "HC1"), m$df.residual, experiment$treated == 1)
  m <- lm(earnings ~ treated + age + education, experiment)
  effect("lalonde adjusted", m, vcovHC(m, "HC1"), m$df.residual, experiment$treated == 1)
}

switch(commandArgs(TRUE)[1],
       juice = write.csv(juice, row.names = FALSE, quote = FALSE),
       lalonde = write.csv(experiment, row.names = FALSE, quote = FALSE),
       figures = figures())
