# Fisher's exact test against more often than by chance, as test/core/test_contingency.c holds it: Rscript basket_fisher.R
tables <- matrix(c(3, 5, 6, 20,  40, 300, 500, 25900,  259, 300, 500, 25900,  10, 300, 500, 2000,
                   100, 300, 500, 2000,  1, 1, 1, 2,  0, 3, 4, 10,  7, 10, 10, 13,  8, 10, 10, 13,
                   1000000, 20000000, 30000000, 1000000000,  601000, 20000000, 30000000, 1000000000), nrow = 4)
for (i in seq_len(ncol(tables))) {
    x <- tables[, i] # both, first, second, all
    cat(sprintf("%d %d %d %d %.17g\n", x[1], x[2], x[3], x[4],
                phyper(x[1] - 1, x[2], x[4] - x[2], x[3], lower.tail = FALSE)))
}
