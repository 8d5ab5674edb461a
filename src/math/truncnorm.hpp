// SPDX-License-Identifier: MIT
// The normal distribution cut to an interval. Everything in standard units: z = (x - mu) / sigma, limits a < b.
#pragma once

namespace bluefin::math {

// z in [a, b] with (Phi(z) - Phi(a)) / (Phi(b) - Phi(a)) = q, q in [0, 1]: a uniform q makes z a draw. NaN unless
// a < b. Works on whichever side has the smaller numbers, as optuna/samplers/_tpe/_truncnorm.py, ppf.
double truncnorm_quantile(double q, double a, double b);

// log of the density at z: log phi(z) - log(Phi(b) - Phi(a)); -inf outside of [a, b]. To get the density of
// x = mu + sigma z subtract log sigma.
double truncnorm_log_pdf(double z, double a, double b);

}  // namespace bluefin::math
