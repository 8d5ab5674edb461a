// SPDX-License-Identifier: MIT
// What the Gaussian processes of a study have found, and why they suggest what they suggest (docs/gp.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bluefin/distribution.hpp"
#include "bluefin/json.hpp"
#include "bluefin/sampler.hpp"
#include "bluefin/samplers/gp.hpp"
#include "bluefin/types.hpp"

namespace bluefin {

class Study;

using GpParams = std::vector<std::pair<std::string, Choice>>;

// What is predicted of one objective or constraint at a point, without noise, in its own units and sign.
//
// The process sees t(value). Where t is linear, mean and sd are scaled; where it is a power transform they are the mean
// and the standard deviation of t^-1(T), T normal, by a sum over T within 6 sd, in which a value further than one range
// of all values beyond them counts as that (t^-1 has poles). low and high are t^-1 of mean - 2 sd and mean + 2 sd: 95 %
// exactly, since t is increasing.
struct GpPrediction {
  double mean = 0.0;
  double sd = 0.0;
  double low = 0.0;
  double high = 0.0;
};

// A trial, the suggestion, or a point that was asked for.
struct GpPoint {
  std::optional<int> number = {};              // of the trial
  GpParams params = {};                        // without those that it does not have, by name
  std::vector<double> values = {};             // of the trial, one for each objective
  std::vector<GpPrediction> objectives = {};   // by the finished trials alone, one for each objective
  std::vector<GpPrediction> constraints = {};  // one for each constraint
  std::optional<double> feasibility = {};      // probability that all constraints are satisfied; unset: there are none
  double acquisition = 0.0;                    // what the sampler maximises (GpExplanation::acquisition)
  std::optional<double> expected_improvement = {};  // below improve_on, in units; of one objective
  std::optional<double> improvement_chance = {};    // probability of any improvement; likewise
};

struct GpWarp {
  double a;
  double b;
};

// The process of one objective or constraint.
struct GpProcess {
  struct Param {
    // Of a number: how far apart two values are when they tell little of each other, as a share of the range (of its
    // logarithm where it is log), after the warp; in (0.005, 100). Unset for a category.
    std::optional<double> lengthscale = {};
    // The same in units of the parameter, or a factor where it is log. Unset with a warp: it differs along the range.
    std::optional<double> distance = {};
    // Of a number whose range is bent (GpOptions::input_warp): u in [0, 1] is seen as 1 - (1 - u^a)^b.
    std::optional<GpWarp> warp = {};
    // Of a category, or of a group: the correlation of two trials that differ in this alone, in (0, 1).
    std::optional<double> correlation = {};
    // The total effect (Homma and Saltelli 1996): the share of the variance of what is predicted, over points that are
    // uniform in the space, that would be left if all other parameters were known. In [0, 1]; 0: nothing changes with
    // it. Parameters that act together each count what they share, so the sum may be above 1. Unset for a group.
    std::optional<double> relevance = {};
  };
  std::string name = {};
  Direction direction = Direction::kNotSet;  // not set: a constraint, or the weighted sum
  std::size_t n_values = 0;                  // trials that it has learned from
  std::size_t n_fitted = 0;                  // of them when its hyperparameters were found
  std::vector<Param> params = {};            // as GpExplanation::params
  std::vector<Param> groups = {};            // as GpExplanation::groups

  // The process sees values of mean 0 and variance 1. Of these:
  double signal_sd = 0.0;  // of the function itself, a priori
  double noise_sd = 0.0;
  double noise = 0.0;  // the same in units, at what is predicted for the best trial

  std::string transform = {};  // "none", "yeo-johnson", or of a constraint "logarithm", of large values of both signs
  double lambda = 1.0;         // of Yeo and Johnson
  std::optional<double> cut_at = {};  // values that are worse count as this; unset: none is
  std::size_t n_cut = 0;              // how many are

  // Each value as it is predicted from all others (Rasmussen and Williams 2006, eq. 5.10 to 5.12); NaN: there are none,
  // and loo_r2 where the values are equal.
  double loo_score = 0.0;   // mean log density of the standardised values before the transform; larger is better
  double loo_r2 = 0.0;      // 1: exact, 0: no better than the mean, below: worse
  double loo_within = 0.0;  // share of the values within 2 sd of what is predicted; 0.954 if all is as assumed
  bool failed = false;      // no hyperparameters could be found, typical ones stand in
};

struct GpExplanation {
  struct Param {
    std::string name;
    std::string kind;  // "float", "int" or "categorical"
    bool log = false;
    double low = 0.0;  // of a number
    double high = 0.0;
    double step = 0.0;                      // 0: continuous
    std::vector<Choice> choices = {};       // of a category
    std::optional<std::size_t> group = {};  // in groups; unset: every trial has it
  };
  // Parameters that are always there together, but not in every trial.
  struct Group {
    std::vector<std::string> params;
    std::optional<std::string> depends_on;  // the parameter whose value says whether; unset: none does
  };

  std::optional<std::string> sampler = "gp";  // of the study; if another one, this is what gp would say; unset: unknown
  OptionMap options = {};                     // of gp
  std::size_t n_complete = 0;
  std::size_t n_pruned = 0;
  std::size_t n_failed = 0;   // that count as the worst value: the last 64
  std::size_t n_running = 0;  // whose values are taken to be what is predicted
  bool in_use = true;         // false: there are fewer complete trials than n_startup_trials

  std::vector<Param> params = {};  // by name, without those of one value
  std::vector<Group> groups = {};
  std::vector<GpProcess> objectives = {};
  std::vector<GpProcess> constraints = {};  // satisfied when <= 0
  // With more than two objectives half of the suggestions, with more than five all, are those of one process of a
  // weighted sum (ParEGO). Set where it decides on this one; those of `objectives` do not then.
  std::optional<GpProcess> weighted = {};
  std::vector<double> weights = {};

  // "log expected improvement", "log expected hypervolume improvement", or "log probability of feasibility" as long as
  // no feasible trial is known; constraints add their log probability to the first two.
  std::string acquisition = {};
  std::optional<double> improve_on =
      {};                          // the value that is to be improved on; of one objective, with a feasible trial
  std::vector<GpPoint> best = {};  // the best feasible trial, or the Pareto front; empty: none is feasible
  GpPoint suggestion = {};         // what the next trial is expected to get
  std::vector<GpPoint> at = {};    // what was asked for
};

struct GpExplainOptions {
  std::shared_ptr<const Sampler> sampler = {};  // a gp; unset: the study's, or gp with its defaults if that is another
  std::optional<std::uint64_t> seed = {};       // unset: the study's
  // Points to be predicted, each with all parameters that are always there. Others are left out where they are not.
  std::vector<GpParams> at = {};
};

// Fits the processes as the sampler does for the next trial: a fit depends on the finished trials alone. The suggestion
// is the one that the next trial gets if no other process works on the study. Changes nothing.
// O(n^3) as for a fit, and for the relevance 2^10 (d + 1) predictions, fewer with many trials.
// Throws Error(kInvalidArgument): another sampler than gp, no complete trial, no parameter of more than one value, a
// point `at` that lacks a parameter, has one too many, or a value outside its range.
GpExplanation explain_gp(const Study& study, const GpExplainOptions& options = {});

// The same of a history. request.rng, number and feasible: as for a suggestion. Leaves `sampler` and the objectives'
// names as they are by default: "value", or "value 0" and so on.
GpExplanation explain_gp(const GpOptions& options, const StudyInfo& study, const SuggestRequest& request,
                         const std::vector<GpParams>& at = {});

// One JSON object with the names above; null for what is unset. Numbers that are not finite are NaN and Infinity as in
// Python's json, or null, too.
Json to_json(const GpExplanation& explanation, bool finite_only = false);

}  // namespace bluefin
