// SPDX-License-Identifier: MIT
// The standard normal distribution, in logarithms and far into its tails.
// phi: density, Phi: cumulative distribution function, Phi(-x) = 1 - Phi(x). Scalars; infinities allowed.
#pragma once

namespace bluefin::math {

inline constexpr double kLogSqrt2Pi = 0.918938533204672741780329736406;  // log sqrt(2 pi)

// log Phi(x), relative accuracy about 1e-15 everywhere. Above -37 from erfc; below the asymptotic series of Mills'
// ratio, Abramowitz and Stegun 26.2.12: Phi(x) ~ phi(x)/|x| (1 - 1/x^2 + 3/x^4 - 15/x^6 + ...).
double log_ndtr(double x);

// log(Phi(b) - Phi(a)) for a < b; -inf for a == b, NaN for a > b. Right tails are folded to the left. Where the two
// sides cancel (the interval holds less than 1% of the tail beyond it) the mass is the Taylor series about the middle
// m of width h: phi(m) h (1 + (m^2-1) h^2/24 + (m^4-6m^2+3) h^4/1920), exact to 1e-17 there.
double log_gauss_mass(double a, double b);

// The same of the interval of width h > 0 about m, with all digits of h however small it is against m.
double log_gauss_mass_about(double m, double h);

// x with Phi(x) = exp(log_p), log_p in [-inf, 0]. Wichura's AS 241 (Applied Statistics 37, 1988), relative accuracy
// 1e-15; below log_p = -700 Newton's method on log_ndtr.
double ndtri_exp(double log_p);

// x with Phi(x) = p, p in [0, 1]. AS 241 as above, on p itself: quicker, with the digits that 1 - p has in the right
// tail.
double ndtri(double p);

}  // namespace bluefin::math
