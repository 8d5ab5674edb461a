// SPDX-License-Identifier: MIT
// The points of the largest acquisition.
#pragma once

#include <span>
#include <vector>

#include "bluefin/rng.hpp"
#include "samplers/gp/acquisition.hpp"
#include "samplers/gp/layout.hpp"
#include "samplers/gp/space.hpp"

namespace bluefin::gp {

struct SearchOptions {
  int n_candidates = 2048;    // Sobol points
  int n_local_searches = 10;  // from the best of them
  int n_perturbations = 512;  // of the best trials
  int max_evaluations = 40;   // of the acquisition with its gradient, in one local search
  double first_share = 1.0;   // of the candidates that are looked at closely, by a rough look at all
  int n_threads = 1;          // that look; the answer is the same with any number
};

// Where numbers are looked for: a box in u for each parameter, the whole [0, 1] by default.
struct Box {
  std::vector<double> lower;
  std::vector<double> upper;
};

struct Candidate {
  std::vector<double> u;  // [p]; NaN: not expected to be there
  double value;
};

class Search {
 public:
  // lengthscales: [p], of numbers, in u.
  Search(const Space& space, const Layout& layout, const Acquisition& acquisition, std::vector<double> lengthscales,
         Box box, const SearchOptions& options);

  // incumbents: [n][p], the best trials first, NaN for what they do not have. The best candidates, best first, all on
  // their grids. At first Sobol points and perturbed incumbents (each coordinate with probability 20 / p, by a
  // lengthscale or a tenth of it); from the best of them, the best incumbent and others drawn by their expected
  // improvement local searches start: L-BFGS-B in lengthscales on the numbers that are continuous or have many values,
  // all searches in lock-step, then moves of one discrete coordinate at a time as long as they help (Optuna 5,
  // _gp/optim_mixed.py, goes through these stages).
  std::vector<Candidate> run(std::span<const double> incumbents, Rng& rng);

  // Acquisition of points [m][p] on their grids; those that are not expected to be there are set to NaN.
  std::vector<double> evaluate(std::vector<double>& points) const { return evaluate(points, false); }

 private:
  struct Searches;  // local searches side by side
  std::vector<double> evaluate(std::vector<double>& points, bool roughly) const;
  std::vector<double> look(std::vector<double>& points) const;  // -inf for what a rough look has ruled out
  std::vector<double> first_points(std::span<const double> incumbents, Rng& rng) const;
  void perturb(std::span<const double> incumbents, Rng& rng, std::vector<double>& points) const;
  std::vector<std::size_t> choose_starts(const std::vector<double>& values, Rng& rng) const;
  void climb(Searches& searches) const;
  bool move_discrete(Searches& searches) const;
  double random_u(std::size_t p, Rng& rng) const;
  bool relaxed(std::size_t p) const { return !space_.axis(p).enumerable(); }

  const Space& space_;
  const Layout& layout_;
  const Acquisition& acquisition_;
  std::vector<double> lengthscales_;
  Box box_;
  SearchOptions options_;
};

}  // namespace bluefin::gp
