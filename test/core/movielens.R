# MovieLens latest-small, as Debian's r-cran-dslabs brings it (100,004 ratings), in the form that folds_explicit reads:
#   Rscript movielens.R >RATINGS
suppressWarnings(suppressMessages(library(dslabs)))
data(movielens)
user <- match(movielens$userId, unique(movielens$userId)) - 1
item <- match(movielens$movieId, unique(movielens$movieId)) - 1
cat(max(user) + 1, max(item) + 1, nrow(movielens), "\n")
write.table(data.frame(user, item, movielens$rating), row.names = FALSE, col.names = FALSE)
