// SPDX-License-Identifier: MIT
// References: 50 digits.
#include "math/kumaraswamy.hpp"

#include <cmath>

#include "catch.hpp"

namespace math = bluefin::math;

TEST_CASE("Kumaraswamy's distribution function and its derivatives are those of 50 digits") {
  constexpr double kReference[][7] = {
      {0.25, 2, 0.5, 3.1754163448145778705e-2, 2.5819888974716112568e-1, -8.9484916225976452240e-2,
       3.1244577194333562726e-2},
      {0.5, 0.125, 8, 9.9999999774858535109e-1, 4.9750768969913319610e-8, -1.7242302621092316028e-8,
       4.4829509016988316874e-8},
      {0.999, 8, 0.125, 4.5336643888704322198e-1, 6.8090162831193831042e+1, -6.8056106395740175245e-2,
       3.3015388384430781817e-1},
      {0.00001, 0.5, 3, 9.4568646032817396798e-3, 4.7134639244174715237e+2, -5.4265758843644415928e-2,
       9.4120068307289630241e-3},
      {0.7, 1, 1, 0.7, 1, -2.4967246075711266524e-1, 3.6119184129778079779e-1},
  };
  for (const auto& [x, a, b, value, by_x, by_log_a, by_log_b] : kReference) {
    INFO("x " << x << ", a " << a << ", b " << b);
    const math::Kumaraswamy bent = math::kumaraswamy(x, a, b);
    CHECK(bent.value == Approx(value).epsilon(1e-13));
    CHECK(bent.by_x == Approx(by_x).epsilon(1e-12));
    CHECK(bent.by_log_a == Approx(by_log_a).epsilon(1e-12));
    CHECK(bent.by_log_b == Approx(by_log_b).epsilon(1e-12));
  }
}

TEST_CASE("Kumaraswamy's function stays in [0, 1] and has finite slopes at the ends of the range and beyond") {
  for (const double a : {0.125, 1.0, 8.0}) {
    for (const double b : {0.125, 1.0, 8.0}) {
      double last = -1.0;
      for (const double x : {-1.0, 0.0, 1e-300, 1e-7, 0.5, 1.0 - 1e-7, 1.0, 2.0}) {
        INFO("x " << x << ", a " << a << ", b " << b);
        const math::Kumaraswamy bent = math::kumaraswamy(x, a, b);
        CHECK(bent.value >= std::max(last, 0.0));
        CHECK(bent.value <= 1.0);
        CHECK((std::isfinite(bent.by_x) && bent.by_x >= 0.0));
        CHECK((std::isfinite(bent.by_log_a) && std::isfinite(bent.by_log_b)));
        last = bent.value;
      }
    }
  }
}
