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
  // failed not long ago and count as the worst. observe: called with the acquisition and with the point that it has
  // chosen. Needs a complete trial.
  using Observer = std::function<void(const Acquisition&, const std::vector<double>&)>;
  std::vector<double> suggest(const std::vector<std::vector<double>>& running,
                              const std::vector<std::vector<double>>& failed, Rng& rng,
                              const std::function<bool(std::span<const double>)>& passes, const Observer& observe = {});
  // A point that no trial has, without a model: u [p] itself, or a random one. Canonical values.
  std::vector<double> start(const std::vector<double>& u, const std::vector<std::vector<double>>& running,
                            const std::vector<std::vector<double>>& failed, Rng& rng,
                            const std::function<bool(std::span<const double>)>& passes) const;
  const Trials& trials() const { return trials_; }
  const Layout& layout() const { return layout_; }
  bool usable() const;  // whether the last suggestion had a process of each objective
  // As the last suggestion has left them. weighted(): the process of a weighted sum, where that has decided: half of
  // the time with more than two objectives, always with more than five or where the front has more boxes than can be
  // afforded. Otherwise objectives() has decided, a process of each.
  const std::vector<Surrogate>& objectives() const { return objectives_; }
  const std::optional<Surrogate>& weighted() const { return weighted_; }
  const std::map<std::string, Surrogate>& constraints() const { return constraints_; }
  const std::vector<double>& weights() const { return weights_; }  // of the objectives, if so; their sum is 1
  const std::vector<double>& weighted_losses() const { return weighted_losses_; }  // [trials] likewise
  // A process of one objective alone, to be looked at where a weighted sum has decided.
  Surrogate process_of(std::size_t objective) const;

 private:
  SurrogateOptions surrogate_options(bool objective) const;
  void follow_processes();             // of the objectives, unless a weighted sum decides, and of the constraints
  void weigh(Rng& rng);                // from now on the weighted sum decides
  std::vector<Surrogate*> deciding();  // the processes of what is improved on
  const Surrogate& leading() const { return weighted_ ? *weighted_ : objectives_.front(); }
  // running: [m, columns].
  std::optional<Acquisition> acquisition(const Eigen::MatrixXd& running, const Eigen::MatrixXd& failed, Rng& rng);
  std::optional<double> best_value(const Eigen::MatrixXd& running, const std::vector<bool>& feasible) const;
  // The predicted values of feasible trials, and the reference point: the worst of all trials plus a tenth of the
  // range, or, close, that of the front alone. A far one finds where the front goes on beyond its ends, a close one
  // fills it; with two objectives each serves half of the suggestions. With more a far one would chase the corners:
  // always a close one, and every second suggestion on average is of a weighted sum, which sees to it that the front
  // moves at all where there are many parameters.
  struct Front {
    std::vector<double> points;  // [n, objectives]
    std::vector<double> reference;
  };
  Front front(const Eigen::MatrixXd& running, const std::vector<bool>& feasible, bool close) const;
  std::vector<double> lengthscales() const;
  std::vector<double> incumbents() const;
  SearchOptions search_options() const;
  bool wants_box() const;
  Box box(std::span<const double> incumbents, const std::vector<double>& lengthscales) const;
  std::vector<double> choose(const Search& search, std::vector<Candidate> candidates,
                             const std::vector<std::vector<double>>& running,
                             const std::vector<std::vector<double>>& failed, Rng& rng,
                             const std::function<bool(std::span<const double>)>& passes) const;
  std::vector<double> random_u(Rng& rng) const;
  std::optional<std::vector<double>> all_points() const;  // [m][p] of a small discrete space
  void drop_fantasies();
  void report_failure();

  GpOptions options_;
  std::size_t n_objectives_;
  std::uint64_t seed_;
  Trials trials_;
  Layout layout_;
  std::vector<Surrogate> objectives_;
  std::optional<Surrogate> weighted_;
  std::map<std::string, Surrogate> constraints_;
  std::vector<double> weights_;
  std::vector<double> weighted_losses_;
  bool reported_ = false;
};

}  // namespace bluefin::gp
