# Reference results for the colon-cancer example, from R's survival package.
# Run in this folder: Rscript cox.R   (writes cox.json)
library(survival)

data <- read.csv("colon.csv")
data <- data[data$etype == 1, ]
data$rx <- factor(data$rx, levels = c("Obs", "Lev", "Lev+5FU"))
data$months <- data$time / (365.25 / 12)

number <- function(x) paste0("[", paste(formatC(x, digits = 15, format = "g"), collapse = ", "), "]")

cox <- function(rows, ties) {
  fit <- coxph(Surv(months, status) ~ rx, data = rows, ties = ties,
               control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 100))
  sprintf('{"log_hr": %s, "se": %s}', number(unname(coef(fit))), number(unname(sqrt(diag(vcov(fit))))))
}

stratified <- function(ties) {
  fit <- coxph(Surv(months, status) ~ rx + strata(node4), data = data, ties = ties,
               control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 100))
  sprintf('{"log_hr": %s, "se": %s}', number(unname(coef(fit))), number(unname(sqrt(diag(vcov(fit))))))
}

kaplan_meier <- function(rows, months) {
  by_arm <- sapply(levels(data$rx), function(arm) {
    fit <- survfit(Surv(months, status) ~ 1, data = rows[rows$rx == arm, ])
    at <- summary(fit, times = months)
    sprintf('{"survival": %s, "at_risk": %s}', number(at$surv), number(at$n.risk))
  })
  paste0("[", paste(by_arm, collapse = ", "), "]")
}

months <- c(12, 24, 36, 60)
within <- function(f, ...) paste0("[", paste(sapply(0:1, function(s) f(data[data$node4 == s, ], ...)), collapse = ", "), "]")
json <- paste0(
  '{\n"r": "', R.version.string, '",\n"survival": "', packageVersion("survival"), '",\n',
  '"arms": ["Lev", "Lev+5FU"],\n"subgroups": ["node4 == 0", "node4 == 1"],\n',
  '"efron": ', within(cox, "efron"), ',\n"breslow": ', within(cox, "breslow"), ',\n',
  '"stratified_efron": ', stratified("efron"), ',\n',
  '"km_months": ', number(months), ',\n"km": ', within(kaplan_meier, months), '\n}\n'
)
writeLines(json, "cox.json", sep = "")
