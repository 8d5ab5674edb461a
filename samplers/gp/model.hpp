// SPDX-License-Identifier: MIT
// All Gaussian processes of one study, and the point that they suggest.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bluefin/samplers/gp.hpp"
#include "samplers/gp/acquisition.hpp"
#include "samplers/gp/search.hpp"
#include "samplers/gp/surrogate.hpp"
#include "samplers/gp/trials.hpp"

namespace bluefin::gp {

// Not for use by two threads at once.
class Model {
 public:
  Model(const GpOptions& options, std::size_t n_objectives, std::uint64_t seed);

  // Reads the new rows of the history.
  void follow(const HistoryView& history, const SearchSpace& specs);
  std::size_t n_complete() const { return trials_.n_complete(); }
  const Space& space() const { return trials_.space(); }

  // The best point by the acquisition that no trial has had and that passes, as canonical values; infinite for a
  // parameter that is not expected to be there. running, failed: points in u of trials that have not finished, or
  // failed not long ago and count as the worst. Needs a complete trial.
  std::vector<double> suggest(const std::vector<std::vector<double>>& running,
                              const std::vector<std::vector<double>>& failed, Rng& rng,
                              const std::function<bool(std::span<const double>)>& passes);
  const Trials& trials() const { return trials_; }

 private:
  SurrogateOptions surrogate_options(bool objective) const;
  void follow_objectives(Rng& rng);
  // running: [m, columns].
  std::optional<Acquisition> acquisition(const Eigen::MatrixXd& running, Rng& rng);
  std::optional<double> best_value(const Eigen::MatrixXd& running, const std::vector<bool>& feasible) const;
  // The reference point is the worst of all trials plus a tenth of the range, or, close, that of the front alone. A far
  // one finds where the front goes on beyond its ends, a close one fills it; each serves half of the suggestions.
  std::optional<math::EhviStrips> strips(const Eigen::MatrixXd& running, const std::vector<bool>& feasible,
                                         bool close) const;
  std::vector<double> lengthscales() const;
  std::vector<double> incumbents() const;
  SearchOptions search_options() const;
  Box box(std::span<const double> incumbents, const std::vector<double>& lengthscales) const;
  std::vector<double> choose(const Search& search, std::vector<Candidate> candidates,
                             const std::vector<std::vector<double>>& running,
                             const std::vector<std::vector<double>>& failed, Rng& rng,
                             const std::function<bool(std::span<const double>)>& passes) const;
  void drop_fantasies();
  void report_failure();

  GpOptions options_;
  std::size_t n_objectives_;
  std::uint64_t seed_;
  Trials trials_;
  Layout layout_;
  std::vector<Surrogate> objectives_;
  std::map<std::string, Surrogate> constraints_;
  bool reported_ = false;
};

}  // namespace bluefin::gp
