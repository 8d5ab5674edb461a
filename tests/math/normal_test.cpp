// SPDX-License-Identifier: MIT
// Reference values: mpmath with 60 digits and more, rounded to 20.
#include "math/normal.hpp"

#include <cmath>

#include "catch.hpp"
#include "core/non_finite.hpp"
#include "math/logsumexp.hpp"
#include "math/truncnorm.hpp"

using bluefin::kInfinity;
namespace math = bluefin::math;

namespace {

bool close(double value, double expected, double relative) {
  return std::abs(value - expected) <= relative * std::abs(expected);
}

}  // namespace

TEST_CASE("log_ndtr is exact to rounding from the far left to the far right") {
  constexpr double kReference[][2] = {
      {-1000000.0, -5.0000000001473444909e+11}, {-200.0, -2.0006217280898190402e+4}, {-37.5, -7.0766898931750719107e+2},
      {-36.5, -6.7064200000031370137e+2},       {-20.0, -2.0391715537109726394e+2},  {-5.0, -1.5064998393988725736e+1},
      {-1.0, -1.8410216450092635058},           {-1e-10, -6.931471806397337655e-1},  {0.0, -6.9314718055994530942e-1},
      {0.5, -3.6894641528865639307e-1},         {1.0, -1.7275377902344988953e-1},    {3.0, -1.3508099647481937988e-3},
      {6.0, -9.8658764552437573169e-10},        {8.5, -9.4795348222033183991e-18},   {20.0, -2.7536241186062336951e-89},
      {37.0, -5.7255712225245768227e-300},
  };
  for (const auto& [x, expected] : kReference) {
    INFO("x = " << x);
    CHECK(close(math::log_ndtr(x), expected, 1e-13));
  }
  CHECK(math::log_ndtr(-kInfinity) == -kInfinity);
  CHECK(math::log_ndtr(kInfinity) == 0.0);
}

TEST_CASE("log_gauss_mass keeps its digits in narrow, central and tail intervals") {
  constexpr double kReference[][3] = {
      {-1.0, 1.0, -3.8171514630212607227e-1},     {-0.5, 2.0, -4.0240131233857512063e-1},
      {0.0, 1.0, -1.0748623268620713817},         {0.25, 0.2500001, -1.7068284196634238506e+1},
      {3.0, 3.5, -6.7968680066834327659},         {-3.5, -3.0, -6.7968680066834327659},
      {10.0, 10.001, -5.7831689811774295286e+1},  {30.0, 31.0, -4.5432124395634325204e+2},
      {30.0, 30.0001, -4.6013077853184862748e+2}, {-36.9, -36.8, -6.8167052126077563734e+2},
      {40.0, 41.0, -8.0460844201375378817e+2},    {40.0, 40.001, -8.0784662731141354925e+2},
      {100.0, 100.5, -5.0055242086942050886e+3},  {-200.0, -199.9999, -2.001011926224021122e+4},
      {-0.001, 0.001, -7.1335467982935200192},    {-8.0, 9.0, -6.2220891626777398999e-16},
      {1e-08, 3e-08, -1.8646472096597093266e+1},  {5.0, 5.0019, -1.9689586765838588151e+1},
      {0.0099, 0.0199, -5.5242238899274477337},   {2.0, 2.0033, -8.6360713407196712121},
      {2.0, 2.0034, -8.6063183772893441327},      {0.0, 1e-300, -6.9169446643141837792e+2},
  };
  for (const auto& [a, b, expected] : kReference) {
    INFO("a = " << a << ", b = " << b);
    CHECK(close(math::log_gauss_mass(a, b), expected, 2e-13));
    CHECK(close(math::log_gauss_mass(-b, -a), expected, 2e-13));
  }
  CHECK(math::log_gauss_mass(-1000.0, 1000.0) == 0.0);
  CHECK(math::log_gauss_mass(-kInfinity, kInfinity) == 0.0);
  CHECK(close(math::log_gauss_mass(-kInfinity, -1.0), -1.8410216450092635058, 1e-14));
  CHECK(math::log_gauss_mass(2.0, 2.0) == -kInfinity);
  CHECK(std::isnan(math::log_gauss_mass(2.0, 1.0)));
}

TEST_CASE("the masses of neighbouring intervals add up to the mass of their union") {
  for (double a = -45.0; a < 45.0; a += 0.83) {
    for (const double h : {1e-3, 0.02, 0.4, 3.0}) {
      const double parts =
          math::log_add_exp(math::log_gauss_mass(a, a + 0.3 * h), math::log_gauss_mass(a + 0.3 * h, a + h));
      INFO("a = " << a << ", h = " << h);
      CHECK(close(parts, math::log_gauss_mass(a, a + h), 1e-11));
    }
  }
}

TEST_CASE("ndtri_exp inverts log_ndtr") {
  constexpr double kReference[][2] = {
      {-10000000000.0, -1.4142135614695230614e+5},
      {-5000.0, -9.9944748174841092478e+1},
      {-701.0, -3.7321863981173138542e+1},
      {-699.0, -3.7268276062074958601e+1},
      {-300.0, -2.4326438906565587379e+1},
      {-30.0, -7.3576668150087499278},
      {-20.0, -5.8792093564853362599},
      {-5.0, -2.4709386372615884169},
      {-2.5, -1.3911828143255684557},
      {-1.0, -3.3747496376420245528e-1},
      {-0.5, 2.7028802073873585392e-1},
      {-0.1, 1.3096177994584931321},
      {-0.01, 2.3282217375371756786},
      {-1e-05, 4.2648919103089225399},
      {-1e-12, 7.034483825301201654},
      {-1e-100, 2.1273453560965324294e+1},
  };
  for (const auto& [log_p, expected] : kReference) {
    INFO("log p = " << log_p);
    CHECK(close(math::ndtri_exp(log_p), expected, 1e-14));
  }
  CHECK(std::abs(math::ndtri_exp(std::log(0.5))) < 1e-15);
  CHECK(math::ndtri_exp(-kInfinity) == -kInfinity);
  CHECK(math::ndtri_exp(0.0) == kInfinity);
}

TEST_CASE("truncnorm_quantile finds its place in any interval") {
  constexpr double kReference[][4] = {
      {0.25, -1.0, 3.0, -3.3542046566768153576e-1},  {0.9, 0.0, 100.0, 1.6448536269514728225},
      {0.1, 5.0, 6.0, 5.0202025789368870286},        {0.75, -40.0, -38.0, -3.8007564597027436354e+1},
      {0.5, 100.0, 101.0, 1.0000693053875242941e+2}, {0.3, -2.0, -1.9, -1.9678949966961649371},
      {1e-12, -3.0, 4.0, -2.9999999997746722501},    {0.9999999999990905, -3.0, 4.0, 3.9999999932135049887},
      {0.125, 20.0, 120.0, 2.000665889880545011e+1},
  };
  for (const auto& [q, a, b, expected] : kReference) {
    INFO("q = " << q << ", a = " << a << ", b = " << b);
    CHECK(close(math::truncnorm_quantile(q, a, b), expected, 1e-11));
  }
  CHECK(std::abs(math::truncnorm_quantile(0.5, -1.0, 1.0)) < 1e-15);
  CHECK(math::truncnorm_quantile(0.0, -1.0, 2.0) == -1.0);
  CHECK(math::truncnorm_quantile(1.0, -1.0, 2.0) == 2.0);
  CHECK(std::isnan(math::truncnorm_quantile(0.5, 1.0, 1.0)));
}

TEST_CASE("truncnorm_log_pdf is the normal density over the mass inside, and nothing outside") {
  // log phi(0.3) - log(Phi(2) - Phi(-0.5))
  CHECK(
      close(math::truncnorm_log_pdf(0.3, -0.5, 2.0), -0.045 - 0.91893853320467274178 + 0.40240131233857512063, 1e-14));
  CHECK(math::truncnorm_log_pdf(2.1, -0.5, 2.0) == -kInfinity);
  CHECK(math::truncnorm_log_pdf(-0.6, -0.5, 2.0) == -kInfinity);
}

TEST_CASE("log_sum_exp neither overflows nor underflows") {
  const double large[] = {1000.0, 1000.0};
  CHECK(close(math::log_sum_exp(large), 1000.6931471805599453, 1e-15));
  const double small[] = {-1000.0, -kInfinity, -1001.0};
  CHECK(close(math::log_sum_exp(small), -1000.0 + std::log1p(std::exp(-1.0)), 1e-15));
  CHECK(math::log_sum_exp({}) == -kInfinity);
  const double nothing[] = {-kInfinity, -kInfinity};
  CHECK(math::log_sum_exp(nothing) == -kInfinity);
  CHECK(math::log_add_exp(-kInfinity, 3.0) == 3.0);
}
