# The figures that test_stats.c is held to, as C rows:  Rscript reference_stats.R >stats_reference.h
rows <- function(name, columns, ...) {
  values <- list(...)
  cat(sprintf("static const double %s[][%d] = {\n", name, columns))
  for (i in seq_along(values[[1]]))
    cat("\t{", paste(sapply(values, function(v) if (is.infinite(v[i])) "INFINITY" else sprintf("%.17g", v[i])),
                     collapse = ", "), "},\n", sep = "")
  cat("};\n\n")
}
cat("/* Written by reference_stats.R with ", R.version.string, ". */\n/* clang-format off */\n\n", sep = "")

x <- c(-37.3, -20, -8.5, -3, -1.959963984540054, -1, -0.1, -1e-10, 0, 1e-5, 0.3, 0.7, 1, 2.5, 5, 8, 12, 25, 37.3)
rows("normal_tails", 3, x, pnorm(x), pnorm(x, lower.tail = FALSE))

p <- c(1e-300, 1e-100, 1e-20, 1e-9, 1e-4, 0.005, 0.025, 0.1, 0.2, 0.249, 0.251, 0.4, 0.499999, 0.5000001, 0.6, 0.75, 0.9,
       0.975, 0.995, 0.99999)
rows("normal_quantiles", 2, p, qnorm(p))

g <- expand.grid(t = c(1e-8, 0.001, 0.1, 0.5, 1, 1.5, 1.7320508, 1.96, 2.5, 4, 7, 15, 40, 1000),
                 df = c(0.5, 1, 2, 3.5, 5, 10, 29, 82, 120, 441, 1000, 9647, 1e5, 2e6, 1e7, 1e9))
g$two <- 2 * pt(g$t, g$df, lower.tail = FALSE)
g <- g[g$two > 1e-290, ]
rows("t_tails", 4, g$t, g$df, g$two, pt(g$t, g$df))

q <- expand.grid(p = c(1e-12, 1e-5, 0.005, 0.025, 0.2, 0.26, 0.45, 0.6, 0.9, 0.975, 0.9995),
                 df = c(1, 2, 3, 4.5, 9, 10, 30, 82, 443, 9647, 1e6, 1e7))
rows("t_quantiles", 3, q$p, q$df, qt(q$p, q$df))

b <- expand.grid(a = c(0.1, 0.5, 1, 3, 40, 1000, 1e6), b = c(0.1, 0.5, 2, 17, 300, 5e4), x = c(1e-9, 0.01, 0.3, 0.5, 0.8, 0.999))
b$p <- pbeta(b$x, b$a, b$b)
b <- b[b$p > 1e-290, ]
rows("betas", 4, b$a, b$b, b$x, b$p)
