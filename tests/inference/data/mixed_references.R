# Fits the models in `mixed_fits.json` to the simulated tables mixed_*.csv beside it; prints the reference as JSON.
# R 4.2.2, lme4 1.1-31, lmerTest 3.1-3, pbkrtest 0.5.2:  Rscript mixed_references.R > mixed_references.json
suppressMessages({library(lmerTest); library(jsonlite)})
todo <- fromJSON("mixed_fits.json")
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e6), calc.derivs = FALSE)
numbers <- function(table) unname(as.matrix(as.data.frame(table)))
fit_one <- function(i) {
  d <- read.csv(paste0("mixed_", todo$data[i], ".csv"), na.strings = "", stringsAsFactors = TRUE)
  f <- suppressMessages(suppressWarnings(lmer(as.formula(todo$formula[i]), d, REML = todo$reml[i], control = control)))
  fixed <- coef(summary(f)); a <- suppressMessages(anova(f)); v <- as.data.frame(VarCorr(f))
  out <- list(data = todo$data[i], formula = todo$formula[i], reml = todo$reml[i], n = nobs(f),
    terms = I(rownames(fixed)), fixed = numbers(fixed), anova_terms = I(rownames(a)), anova = numbers(a)[, 3:6, drop = FALSE],
    group = I(v$grp), effect_1 = I(v$var1), effect_2 = I(v$var2), covariance = I(v$vcov), singular = isSingular(f),
    log_likelihood = as.numeric(logLik(f)))
  if (todo$reml[i]) {
    out$anova_kr <- numbers(suppressMessages(anova(f, ddf = "Kenward-Roger")))[, 3:6, drop = FALSE]
    out$fixed_kr <- numbers(coef(summary(f, ddf = "Kenward-Roger")))
  }
  out
}
cat(toJSON(lapply(seq_len(nrow(todo)), fit_one), digits = I(10), auto_unbox = TRUE, na = "null"))
