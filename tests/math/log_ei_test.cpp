// SPDX-License-Identifier: MIT
// References: mpmath with 60 to 80 digits.
#include "math/log_ei.hpp"

#include <cmath>

#include "catch.hpp"
#include "math/normal.hpp"

namespace math = bluefin::math;

TEST_CASE("log h and its slope are right from z = -1e6 to 1e3") {
  constexpr double kReference[][3] = {
      {-1e6, -500000000028.54995965, 1000000.000002},
      {-12345.678, -76207902.400903195471, 12345.678162000010095},
      {-1000.0, -500014.73445209115845, 1000.001999994000042},
      {-100.0, -5010.1295788002497923, 100.01999400419586505},
      {-38.0, -730.19618340211373916, 38.052522760041328294},
      {-30.0, -457.72465376059800405, 30.066446154162418902},
      {-12.5, -84.114182840685440902, 12.657057565828093718},
      {-12.0, -77.909100545007348277, 12.163352571585739843},
      {-11.9, -76.69769951768451134, 12.064671442662858609},
      {-8.0, -37.122364261692633, 8.2393965068400668851},
      {-5.0, -16.744301162660990143, 5.3618162412880885298},
      {-3.0, -7.8696860596030285171, 3.5323375176251605167},
      {-1.5, -3.5299359208057098515, 2.2795806941564461644},
      {-1.0000001, -2.4851212161397682796, 1.9042713055274621158},
      {-1.0, -2.4851210257126413368, 1.9042712333296918229},
      {-0.9999, -2.4849306021991762788, 1.904199036177194164},
      {-0.5, -1.6205162643873199193, 1.5598731483480796712},
      {0.0, -0.91893853320467274178, 1.2533141373155002512},
      {0.5, -0.35982768374506381859, 0.99092271800410996015},
      {1.0, 0.080026218849306940029, 0.77663872520173925975},
      {3.0, 1.0987396653277077727, 0.33284096845179523558},
      {10.0, 2.302585092994045684, 0.1},
      {37.0, 3.6109179126442244444, 0.027027027027027027027},
      {100.0, 4.605170185988091368, 0.01},
      {1000.0, 6.9077552789821370521, 0.001},
  };
  for (const auto& [z, value, slope] : kReference) {
    INFO("z = " << z);
    const math::ValueAndSlope h = math::log_h(z);
    CHECK(std::abs(h.value - value) <= 1e-12 * std::max(1.0, std::abs(value)));
    CHECK(h.slope == Approx(slope).epsilon(1e-11));
  }
  CHECK(std::isfinite(math::log_h(-1e150).value));
  CHECK(std::isfinite(math::log_h(1e150).slope));
}

TEST_CASE("erfcx and the slope of log Phi have the digits that products would lose") {
  constexpr double kErfcx[][2] = {
      {-5.0, 144009798674.66104041},  {-1.0, 5.0089800807622834663},   {0.0, 1.0},
      {0.3, 0.73459933456765514229},  {1.0, 0.42758357615580700441},   {2.5, 0.21080636406114358065},
      {5.0, 0.11070463773306862637},  {7.9, 0.070857477367397134019},  {8.1, 0.069133920177343148707},
      {12.0, 0.04685422101489376262}, {30.0, 0.018795888861416751497}, {1e4, 0.000056418958072680841152},
  };
  for (const auto& [x, expected] : kErfcx) CHECK(math::erfcx(x) == Approx(expected).epsilon(2e-14));
  constexpr double kSlope[][2] = {
      {-1e4, 10000.000099999998},     {-100.0, 100.00999800099926071}, {-12.1, 12.181552403709138341},
      {-11.9, 11.982886633486248061}, {-3.0, 3.2830986549304365069},   {-0.1, 0.86261747153093614018},
      {0.0, 0.79788456080286535588},  {2.0, 0.055247862678989959102},  {10.0, 7.6945986267064193463e-23},
  };
  for (const auto& [z, expected] : kSlope) CHECK(math::log_ndtr_slope(z) == Approx(expected).epsilon(1e-13));
}

TEST_CASE("the derivatives of log expected improvement are those of its values") {
  for (const double mean : {-2.0, 0.3, 5.0, 40.0}) {
    for (const double sd : {0.01, 0.5, 3.0}) {
      const math::LogEi ei = math::log_expected_improvement(mean, sd, 0.2);
      const double step = 1e-5 * sd;
      const auto value = [](double m, double s) { return math::log_expected_improvement(m, s, 0.2).value; };
      INFO("mean = " << mean << ", sd = " << sd);
      CHECK(ei.d_mean == Approx((value(mean + step, sd) - value(mean - step, sd)) / (2 * step)).epsilon(1e-5));
      CHECK(ei.d_sd == Approx((value(mean, sd + step) - value(mean, sd - step)) / (2 * step)).epsilon(1e-5));
    }
  }
}

TEST_CASE("the expected excess is exp of log h, and its derivative the normal distribution's") {
  for (double z = -36.0; z < 1e3; z += z < 10.0 ? 0.37 : 50.0) {
    INFO("z = " << z);
    const math::ExpectedExcess excess = math::expected_excess(z);
    const math::ValueAndSlope h = math::log_h(z);
    CHECK(excess.value == Approx(std::exp(h.value)).epsilon(1e-12));
    CHECK(excess.cdf == Approx(std::exp(math::log_ndtr(z))).epsilon(1e-12));
    CHECK(excess.density == Approx(excess.cdf * math::log_ndtr_slope(z)).epsilon(1e-12));
  }
  CHECK(math::expected_excess(-1e200).value == 0.0);
}
