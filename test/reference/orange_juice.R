# Dominick's orange juice (bayesm, Debian's r-cran-bayesm) as CSV on standard output:
#   store, brand, week, logmove, constant, price1 .. price11, deal, feat, profit; and sales = exp(logmove)
suppressMessages(library(bayesm))
data(orangeJuice)
oj <- orangeJuice$yx
oj$sales <- exp(oj$logmove)
options(digits = 17)
write.csv(format(oj, digits = 17, trim = TRUE), row.names = FALSE, quote = FALSE)
