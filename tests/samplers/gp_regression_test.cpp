// SPDX-License-Identifier: MIT
// The Gaussian process itself. References: mpmath with 50 digits.
#include "samplers/gp/regression.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "bluefin/rng.hpp"
#include "catch.hpp"
#include "samplers/gp/acquisition.hpp"
#include "samplers/gp/fit.hpp"
#include "samplers/gp/likelihood.hpp"

using bluefin::Rng;
using Eigen::MatrixXd;
namespace gp = bluefin::gp;
namespace math = bluefin::math;

namespace {

constexpr gp::Columns kColumns{2, 1};

// theta = 4, 0.5, 0.75 (Hamming), scale 1.3, noise 0.01.
gp::Hyperparameters hyper() {
  return {{std::log(4.0), std::log(0.5), std::log(0.75)}, std::log(1.3), std::log(0.01), {}};
}

MatrixXd five_points() {
  MatrixXd x(5, 3);
  x << 0.1, 0.2, 0, 0.4, 0.9, 1, 0.7, 0.3, 0, 0.95, 0.6, 2, 0.5, 0.5, 1;
  return x;
}
const std::vector<double> kFiveValues = {1.5, -0.3, 0.25, -1.1, 0.4};

struct Sample {
  Sample(Rng& rng, math::Index n, const gp::Columns& columns) : x(n, columns.size()), y(static_cast<std::size_t>(n)) {
    for (math::Index i = 0; i < n; ++i) {
      double sum = 0.1 * rng.normal();
      for (math::Index j = 0; j < columns.size(); ++j) {
        x(i, j) = j < columns.numeric ? rng.uniform() : static_cast<double>(rng.below(3));
        sum += std::sin((2.0 + static_cast<double>(j)) * x(i, j));
      }
      y[static_cast<std::size_t>(i)] = sum;
    }
  }
  MatrixXd x;
  std::vector<double> y;
};

std::vector<double> random_u(Rng& rng, const gp::Columns& columns) {
  std::vector<double> u;
  for (math::Index j = 0; j < columns.size(); ++j) u.push_back(rng.uniform(-3.0, 4.0));
  u.push_back(rng.uniform(-1.0, 1.0));
  u.push_back(rng.uniform(-9.0, -1.0));
  return u;
}

}  // namespace

TEST_CASE("gp: likelihood, leave-one-out score and posterior are those of 50 digits") {
  const MatrixXd x = five_points();
  gp::Likelihood likelihood(x, kFiveValues, kColumns);
  const std::vector<double> u = gp::to_vector(hyper());
  std::vector<double> gradient;
  CHECK(likelihood(u, &gradient) == Approx(-6.8926770287223171004).epsilon(1e-13));
  CHECK(likelihood(u, nullptr) == Approx(-6.8926770287223171004).epsilon(1e-13));
  likelihood(u, &gradient);
  CHECK(likelihood.leave_one_out() == Approx(-7.1471598683793159636).epsilon(1e-13));

  gp::Regression regression;
  REQUIRE(regression.condition(x, kFiveValues, kColumns, hyper()));
  MatrixXd queries(3, 3);
  queries << 0.3, 0.7, 1, 0.1, 0.2, 0, 1.5, -0.4, 5;
  const gp::Prediction p = regression.predict(queries);
  constexpr double kMean[] = {0.023348606547688121729, 1.4855223376827315442, -0.21837444367510140725};
  constexpr double kSd[] = {0.32519459479846836679, 0.09948594037725903192, 1.0999004217549435935};
  for (math::Index i = 0; i < 3; ++i) {
    CHECK(p.mean[i] == Approx(kMean[i]).epsilon(1e-12));
    CHECK(p.sd[i] == Approx(kSd[i]).epsilon(1e-12));
  }
  const auto at_rows = regression.means_at_rows();
  const gp::Prediction at = regression.predict(x);
  for (std::size_t i = 0; i < 5; ++i) CHECK(at_rows[i] == Approx(at.mean[static_cast<math::Index>(i)]).epsilon(1e-12));
}

TEST_CASE("gp: the gradient of the log posterior is that of its values") {
  Rng rng(1);
  for (const auto& columns : {gp::Columns{1, 0}, gp::Columns{0, 2}, gp::Columns{5, 0}, gp::Columns{3, 2}}) {
    for (const gp::Prior prior : {gp::Prior::kOptuna, gp::Prior::kLognormal}) {
      for (int repeat = 0; repeat < 8; ++repeat) {
        const Sample sample(rng, 5 + 15 * (repeat / 2), columns);
        gp::Likelihood likelihood(sample.x, sample.y, columns);
        std::vector<double> u = random_u(rng, columns);
        const bool warped = repeat % 2 == 1;
        for (math::Index j = 0; warped && j < 2 * columns.numeric; ++j) u.push_back(rng.uniform(-1.0, 1.0));
        const auto posterior = [&](const std::vector<double>& at) {
          std::vector<double> unused(at.size(), 0.0);
          return likelihood(at, nullptr) + gp::log_prior(prior, static_cast<std::size_t>(columns.size()), at, unused);
        };
        std::vector<double> gradient;
        likelihood(u, &gradient);
        gp::log_prior(prior, static_cast<std::size_t>(columns.size()), u, gradient);
        double size = 0.0;
        for (const double g : gradient) size = std::max(size, std::abs(g));
        for (std::size_t k = 0; k < u.size(); ++k) {
          const double step = 1e-5;
          auto low = u;
          auto high = u;
          low[k] -= step;
          high[k] += step;
          INFO("u" << k << " of " << u.size() << ", n = " << sample.y.size());
          CHECK(gradient[k] ==
                Approx((posterior(high) - posterior(low)) / (2.0 * step)).epsilon(1e-5).margin(1e-6 * size));
        }
      }
    }
  }
}

TEST_CASE("gp: predictions have their gradients") {
  Rng rng(2);
  const Sample sample(rng, 40, kColumns);
  gp::Regression regression;
  gp::Hyperparameters hyper = ::hyper();
  const bool warped = GENERATE(false, true);
  if (warped) hyper.log_warp = {0.5, -0.7, -0.4, 0.8};
  REQUIRE(regression.condition(sample.x, sample.y, kColumns, hyper));
  const Sample at(rng, 6, kColumns);
  const gp::Prediction p = regression.predict_with_gradients(at.x);
  const gp::Prediction plain = regression.predict(at.x);
  for (math::Index i = 0; i < 6; ++i) {
    CHECK(p.mean[i] == Approx(plain.mean[i]).epsilon(1e-12));
    CHECK(p.sd[i] == Approx(plain.sd[i]).epsilon(1e-9));
    for (math::Index j = 0; j < kColumns.numeric; ++j) {
      const double step = 1e-5;
      MatrixXd low = at.x;
      MatrixXd high = at.x;
      low(i, j) -= step;
      high(i, j) += step;
      const gp::Prediction below = regression.predict(low);
      const gp::Prediction above = regression.predict(high);
      CHECK(p.d_mean(j, i) == Approx((above.mean[i] - below.mean[i]) / (2 * step)).epsilon(1e-5).margin(1e-7));
      CHECK(p.d_sd(j, i) == Approx((above.sd[i] - below.sd[i]) / (2 * step)).epsilon(1e-5).margin(1e-7));
    }
  }
}

TEST_CASE("gp: acquisitions have their gradients, with constraints and with several objectives") {
  Rng rng(3);
  std::vector<gp::Regression> regressions(4);
  for (auto& regression : regressions) {
    const Sample sample(rng, 30, kColumns);
    REQUIRE(regression.condition(sample.x, sample.y, kColumns, hyper()));
  }
  const auto ehvi = [](const std::vector<double>& front, const std::vector<double>& reference) {
    return math::LogEhvi::make({front, reference.size()}, reference, 100);
  };
  const std::vector<gp::Acquisition> acquisitions = {
      gp::Acquisition::one_objective(&regressions[0], 1.0, {}),
      gp::Acquisition::one_objective(&regressions[0], 1.0, {{&regressions[2], 0.5}}),
      gp::Acquisition::one_objective(&regressions[0], std::nullopt, {{&regressions[1], 0.5}, {&regressions[2], -3.0}}),
      gp::Acquisition::several_objectives({&regressions[0], &regressions[1]}, ehvi({0.5, 1.5, 1.2, 0.8}, {2.5, 2.5}),
                                          {{&regressions[2], 1.0}}),
      gp::Acquisition::several_objectives({&regressions[0], &regressions[1], &regressions[2]},
                                          ehvi({0.5, 1.5, 1.0, 1.2, 0.8, 1.0, 1.0, 1.0, 0.2}, {2.5, 2.5, 2.0}),
                                          {{&regressions[3], 1.0}}),
  };
  const Sample at(rng, 5, kColumns);
  for (const auto& acquisition : acquisitions) {
    MatrixXd gradient;
    const Eigen::VectorXd values = acquisition.values_and_gradients(at.x, gradient);
    const Eigen::VectorXd plain = acquisition.values(at.x);
    const Eigen::VectorXd rough = acquisition.rough_values(at.x);
    for (math::Index i = 0; i < 5; ++i) {
      CHECK(values[i] == Approx(plain[i]).epsilon(1e-9));
      CHECK(std::isfinite(rough[i]));
      for (math::Index j = 0; j < kColumns.numeric; ++j) {
        const double step = 1e-6;
        MatrixXd low = at.x;
        MatrixXd high = at.x;
        low(i, j) -= step;
        high(i, j) += step;
        const double slope = (acquisition.values(high)[i] - acquisition.values(low)[i]) / (2 * step);
        CHECK(gradient(j, i) == Approx(slope).epsilon(1e-5).margin(1e-5));
      }
    }
  }
}

TEST_CASE("gp: appended rows are the rows of a new factor, and fantasies leave no trace") {
  Rng rng(4);
  const Sample sample(rng, 50, kColumns);
  gp::Regression whole;
  REQUIRE(whole.condition(sample.x, sample.y, kColumns, hyper()));
  gp::Regression grown;
  REQUIRE(grown.condition(sample.x.topRows(7), std::span(sample.y).first(7), kColumns, hyper()));
  for (math::Index i = 7; i < 50; ++i) grown.append(sample.x.row(i), sample.y[static_cast<std::size_t>(i)]);
  const Sample at(rng, 8, kColumns);
  const gp::Prediction a = whole.predict(at.x);
  const gp::Prediction b = grown.predict(at.x);
  CHECK((a.mean - b.mean).cwiseAbs().maxCoeff() < 1e-10);
  CHECK((a.sd - b.sd).cwiseAbs().maxCoeff() < 1e-10);

  grown.append_fantasy(at.x.row(0));
  grown.append_fantasy(at.x.row(1));
  const gp::Prediction with = grown.predict(at.x);
  CHECK((with.mean - b.mean).cwiseAbs().maxCoeff() < 1e-12);
  CHECK(with.sd[0] < 0.9 * b.sd[0]);
  CHECK(((b.sd - with.sd).array() > -1e-9).all());
  grown.drop_fantasies();
  CHECK(grown.predict(at.x).sd == b.sd);
}

TEST_CASE("gp: a rough look never says less spread than there is") {
  Rng rng(5);
  const Sample sample(rng, 60, kColumns);
  gp::Regression regression;
  REQUIRE(regression.condition(sample.x, sample.y, kColumns, hyper()));
  const Sample at(rng, 20, kColumns);
  const gp::Prediction exact = regression.predict(at.x);
  const gp::Prediction rough = regression.predict_roughly(at.x, 15);
  CHECK(exact.mean == rough.mean);
  CHECK(((rough.sd - exact.sd).array() > -1e-12).all());
}

TEST_CASE("gp: a fit finds which columns matter, and is a function of its arguments") {
  Rng rng(6);
  const gp::Columns columns{3, 1};
  Sample sample(rng, 150, columns);  // more than the coarse stage takes
  for (math::Index i = 0; i < 150; ++i) {
    sample.y[static_cast<std::size_t>(i)] = std::sin(6.0 * sample.x(i, 0)) + (sample.x(i, 3) == 1.0 ? 0.5 : 0.0);
  }
  for (const gp::Prior prior : {gp::Prior::kOptuna, gp::Prior::kLognormal}) {
    const gp::View view{sample.y, {}};
    const gp::Fit fit = gp::fit(sample.x, {&view, 1}, columns, {.prior = prior}).fit;
    const auto& u = fit.hyper.log_theta;
    CHECK(u[0] > u[1] + 2.0);
    CHECK(u[0] > u[2] + 2.0);
    CHECK(fit.hyper.log_noise < -6.0);
    const gp::Fit again = gp::fit(sample.x, {&view, 1}, columns, {.prior = prior}).fit;
    CHECK(again.hyper.log_theta == u);
    CHECK(again.log_posterior == fit.log_posterior);
  }
}

TEST_CASE("gp: of several views of the values the one that predicts them is chosen") {
  Rng rng(7);
  const gp::Columns columns{2, 0};
  Sample sample(rng, 60, columns);
  std::vector<double> exponential;
  std::vector<double> slopes;
  for (math::Index i = 0; i < 60; ++i) {
    double& y = sample.y[static_cast<std::size_t>(i)];
    y = std::sin(3.0 * sample.x(i, 0)) + sample.x(i, 1) + 0.3 * rng.normal();  // noise that is the same everywhere
    exponential.push_back(std::exp(2.0 * y));
    slopes.push_back(std::log(2.0) + 2.0 * y);
  }
  const std::vector<double> none(60, 0.0);
  // The values are y; y itself, or its exponential, is what is modelled.
  const std::vector<gp::View> views = {{exponential, slopes}, {sample.y, none}};
  CHECK(gp::fit(sample.x, views, columns, {}).view == 1);
  const std::vector<gp::View> swapped = {{sample.y, none}, {exponential, slopes}};
  CHECK(gp::fit(sample.x, swapped, columns, {}).view == 0);
}

TEST_CASE("gp: what is no number has no fit and no posterior") {
  MatrixXd x = five_points();
  x(2, 0) = std::numeric_limits<double>::quiet_NaN();
  const gp::View view{kFiveValues, {}};
  const gp::Fit fit = gp::fit(x, {&view, 1}, kColumns, {}).fit;
  CHECK_FALSE(std::isfinite(fit.log_posterior));
  gp::Regression regression;
  CHECK_FALSE(regression.condition(x, kFiveValues, kColumns, fit.hyper));
  CHECK(regression.size() == 0);
}
