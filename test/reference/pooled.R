# The figures that 230_pooled.sql is held to:  Rscript test/reference/pooled.R
# Orange juice: each brand in each of the first 30 stores is a product, the brand its category.  Slopes by lm, variances
# moderated by Smyth's (2004) formulas, spread by metafor's REML, shrinkage by Morris's (1983).
suppressMessages({library(bayesm); library(metafor)})
data(orangeJuice)
oj <- orangeJuice$yx
stores <- sort(unique(oj$store))[1:30]
oj <- oj[oj$store %in% stores & oj$week <= 60, ]
oj$price <- as.matrix(oj[paste0("price", 1:11)])[cbind(seq_len(nrow(oj)), oj$brand)]
key <- interaction(oj$brand, oj$store, drop = TRUE)
own <- do.call(rbind, lapply(split(oj, key), function(d) {
  if (nrow(d) < 4 || length(unique(d$price)) < 2) return(NULL)
  m <- lm(logmove ~ log(price) + deal, d)
  s <- summary(m)
  v <- s$cov.unscaled["log(price)", "log(price)"]
  data.frame(item = paste0(d$brand[1], "-", d$store[1]), brand = d$brand[1], slope = coef(m)["log(price)"], v = v, s2 = s$sigma^2, df = m$df.residual)
}))
e <- log(own$s2) - digamma(own$df / 2) + log(own$df / 2)
excess <- var(e) - mean(trigamma(own$df / 2))
stopifnot(excess > 0)
d0 <- 2 * exp(uniroot(function(l) trigamma(exp(l)) - excess, c(-10, 20), tol = 1e-14)$root)
s0 <- exp(mean(e) + digamma(d0 / 2) - log(d0 / 2))
own$error2 <- own$v * (d0 * s0 + own$df * own$s2) / (d0 + own$df)
for (b in sort(unique(own$brand))) {
  x <- own[own$brand == b, ]
  r <- rma(yi = slope, vi = error2, data = x, method = "REML", control = list(threshold = 1e-13, maxiter = 10000, stepadj = 0.5))
  k <- nrow(x); A <- r$tau2; W <- 1 / (x$error2 + A); mu <- sum(W * x$slope) / sum(W)
  B <- (k - 3) / (k - 1) * x$error2 * W
  est <- x$slope - B * (x$slope - mu)
  se <- sqrt(x$error2 * (1 - (1 - W / sum(W)) * B) + 2 / (k - 3) * B^2 * (sum(W * x$error2) / sum(W) + A) * W * (x$slope - mu)^2)
  half <- qt(0.975, d0 + x$df) * se
  cat(sprintf("('%s', %.12g, %.12g, %.12g, %.12g, %.12g, %.12g),\n", x$item[1:2], mu, sqrt(A), x$slope[1:2], est[1:2], se[1:2], (est + half)[1:2]), sep = "")
}
