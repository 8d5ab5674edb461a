// SPDX-License-Identifier: MIT
#include "math/normal.hpp"

#include <array>
#include <cmath>

#include "core/non_finite.hpp"

namespace bluefin::math {
namespace {

constexpr double kSqrt1_2 = 0.707106781186547524400844362105;

// Phi(-x) for x >= 0.
double upper_tail(double x) { return 0.5 * std::erfc(x * kSqrt1_2); }

double horner(const std::array<double, 8>& c, double x) {
  double sum = c[7];
  for (int i = 6; i >= 0; --i) sum = sum * x + c[static_cast<std::size_t>(i)];
  return sum;
}

// AS 241: numerator and denominator for |p - 1/2| <= 0.425, for r <= 5 and for r > 5, where r = sqrt(-log p).
constexpr std::array<double, 8> kA = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                      1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                      3.3430575583588128105e+4, 2.5090809287301226727e+3};
constexpr std::array<double, 8> kB = {1.0,
                                      4.2313330701600911252e+1,
                                      6.8718700749205790830e+2,
                                      5.3941960214247511077e+3,
                                      2.1213794301586595867e+4,
                                      3.9307895800092710610e+4,
                                      2.8729085735721942674e+4,
                                      5.2264952788528545610e+3};
constexpr std::array<double, 8> kC = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                      3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                      2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr std::array<double, 8> kD = {1.0,
                                      2.05319162663775882187e0,
                                      1.67638483018380384940e0,
                                      6.89767334985100004550e-1,
                                      1.48103976427480074590e-1,
                                      1.51986665636164571966e-2,
                                      5.47593808499534494600e-4,
                                      1.05075007164441684324e-9};
constexpr std::array<double, 8> kE = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                      2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                      2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr std::array<double, 8> kF = {1.0,
                                      5.99832206555887937690e-1,
                                      1.36929880922735805310e-1,
                                      1.48753612908506148525e-2,
                                      7.86869131145613259100e-4,
                                      1.84631831751005468180e-5,
                                      1.42151175831644588870e-7,
                                      2.04426310338993978564e-15};

// An interval of width h at a distance m from 0 is narrow if h (m + 1) is less.
constexpr double kNarrow = 0.01;

// The Taylor series about the middle.
double log_mass_of_narrow(double m, double h) {
  const double h2 = h * h;
  const double mh2 = m * h * (m * h);
  return -0.5 * m * m - kLogSqrt2Pi + std::log(h) +
         std::log1p((mh2 - h2) / 24.0 + (mh2 * mh2 - 6.0 * mh2 * h2 + 3.0 * h2 * h2) / 1920.0);
}

constexpr double kCentral = 0.425;

// For p = q + 1/2, |q| <= kCentral.
double central_quantile(double q) {
  const double r = 0.180625 - q * q;
  return q * horner(kA, r) / horner(kB, r);
}

// |x| for the tail probability exp(log_p), at most 0.075.
double tail_quantile(double log_p) {
  const double r = std::sqrt(-log_p);
  if (r <= 5.0) return horner(kC, r - 1.6) / horner(kD, r - 1.6);
  if (log_p > -700.0) return horner(kE, r - 5.0) / horner(kF, r - 5.0);
  double x = std::sqrt(-2.0 * (log_p + kLogSqrt2Pi));
  // f(x) = log Phi(-x) - log_p has the slope -phi/Phi(-x), about -x here.
  for (int i = 0; i < 20; ++i) {
    const double tail = log_ndtr(-x);
    const double dx = (tail - log_p) * std::exp(tail + 0.5 * x * x + kLogSqrt2Pi);
    x += dx;
    if (!(std::abs(dx) > 1e-15 * x)) break;
  }
  return x;
}

}  // namespace

double log_ndtr(double x) {
  if (x > 0.0) return std::log1p(-upper_tail(x));
  if (x > -37.0) return std::log(upper_tail(-x));
  if (std::isinf(x)) return -kInfinity;
  const double z = 1.0 / (x * x);
  // Eight terms at x = -37: the next one is below 1e-18.
  const double series = -z * (1.0 - z * (3.0 - z * (15.0 - z * (105.0 - z * (945.0 - z * 10395.0)))));
  return -0.5 * x * x - kLogSqrt2Pi - std::log(-x) + std::log1p(series);
}

double log_gauss_mass_about(double m, double h) {
  if (h * (std::abs(m) + 1.0) < kNarrow) return log_mass_of_narrow(m, h);
  return log_gauss_mass(m - 0.5 * h, m + 0.5 * h);
}

double log_gauss_mass(double a, double b) {
  if (a == b) return -kInfinity;
  if (!(a < b)) return kNaN;
  if (a < 0.0 && b > 0.0) {
    const double inside = 0.5 * (std::erf(-a * kSqrt1_2) + std::erf(b * kSqrt1_2));
    return inside < 0.5 ? std::log(inside) : std::log1p(-upper_tail(-a) - upper_tail(b));
  }
  // 0 <= near < far, both on the same side.
  const double near = a >= 0.0 ? a : -b;
  const double far = a >= 0.0 ? b : -a;
  const double h = far - near;
  if (h * (near + 1.0) < kNarrow) return log_mass_of_narrow(0.5 * (near + far), h);
  if (near < 37.0) {
    const double outer = upper_tail(near);
    const double rest = upper_tail(far);
    // Close to 1/2 (near = 0) the difference itself is exact enough; deep in the tail it is still a normal number.
    return std::log(outer - rest);
  }
  const double outer = log_ndtr(-near);
  return outer + std::log1p(-std::exp(log_ndtr(-far) - outer));
}

double ndtri_exp(double log_p) {
  if (log_p == -kInfinity) return -kInfinity;
  if (log_p >= 0.0) return kInfinity;
  const double q = std::exp(log_p) - 0.5;
  if (std::abs(q) <= kCentral) return central_quantile(q);
  return q < 0.0 ? -tail_quantile(log_p) : tail_quantile(std::log(-std::expm1(log_p)));
}

double ndtri(double p) {
  const double q = p - 0.5;
  if (std::abs(q) <= kCentral) return central_quantile(q);
  if (!(p > 0.0)) return p == 0.0 ? -kInfinity : kNaN;
  if (!(p < 1.0)) return p == 1.0 ? kInfinity : kNaN;
  return q < 0.0 ? -tail_quantile(std::log(p)) : tail_quantile(std::log(1.0 - p));
}

}  // namespace bluefin::math
