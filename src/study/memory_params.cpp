// SPDX-License-Identifier: MIT
#include "study/memory_params.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <set>

#include "core/join.hpp"

namespace bluefin {
namespace {

using Words = std::vector<std::string>;

constexpr std::array<std::string_view, 5> kBatch = {"batch", "batchsize", "minibatch", "microbatch", "bs"};
constexpr std::array<std::string_view, 13> kWidth = {"width",   "hidden", "units", "neurons", "channels",
                                                     "filters", "dim",    "dims",  "embed",   "embedding",
                                                     "emb",     "ffn",    "nodes"};
constexpr std::array<std::string_view, 2> kWholeWidth = {"dmodel", "dff"};  // "d_model"
constexpr std::array<std::string_view, 3> kLayers = {"depth", "layers", "blocks"};
constexpr std::array<std::string_view, 2> kLayer = {"layer", "block"};  // "n_layer", but not "units_of_layer_1"
constexpr std::array<std::string_view, 8> kLength = {"length",   "len",     "seq",    "seqlen",
                                                     "sequence", "context", "tokens", "resolution"};
constexpr std::array<std::string_view, 2> kWholeLength = {"imagesize", "imgsize"};
// "batch_lr", "hidden_dropout": the other words of such a name say what it belongs to.
constexpr std::array<std::string_view, 10> kNoSize = {"rate",     "lr",          "decay", "dropout",     "drop",
                                                      "momentum", "temperature", "prob",  "probability", "eps"};
constexpr std::array<std::string_view, 8> kIrrelevant = {"seed",   "epoch", "epochs", "patience",
                                                         "warmup", "iter",  "iters",  "iterations"};
// Larger values may need less.
constexpr std::array<std::string_view, 12> kUnclear = {"accum",   "accumulation", "accumulate", "stride",
                                                       "strides", "patch",        "norm",       "checkpoint",
                                                       "shards",  "workers",      "gpus",       "devices"};
constexpr std::size_t kMaxTypedTerms = 6;
constexpr std::size_t kMaxHints = 16;  // that are fitted; a program may make up any number of names

// "hiddenLayers_2" is hidden, layers.
Words words_of(const std::string& name) {
  Words words;
  bool in_word = false;
  char before = ' ';
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (!std::isalpha(byte)) {
      in_word = false;
    } else {
      const bool hump = std::isupper(byte) && std::islower(static_cast<unsigned char>(before));
      if (!in_word || hump) words.emplace_back();
      words.back() += static_cast<char>(std::tolower(byte));
      in_word = true;
    }
    before = c;
  }
  return words;
}

template <std::size_t N>
bool any_of(const Words& words, const std::array<std::string_view, N>& known) {
  return std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return std::find(known.begin(), known.end(), word) != known.end();
  });
}

MemoryRole role_of_name(const Words& words) {
  const Words whole = {join(words, "")};
  if (any_of(words, kUnclear)) return MemoryRole::kCondition;
  if (any_of(words, kIrrelevant)) return MemoryRole::kNone;
  if (any_of(words, kNoSize)) return MemoryRole::kSize;
  if (any_of(words, kBatch) || any_of(whole, kBatch)) return MemoryRole::kBatch;
  if (any_of(words, kLayers)) return MemoryRole::kDepth;  // also "hidden_layers"
  if (any_of(words, kWidth) || any_of(whole, kWholeWidth)) return MemoryRole::kWidth;
  if (any_of(words, kLayer)) return MemoryRole::kDepth;
  if (any_of(words, kLength) || any_of(whole, kWholeLength)) return MemoryRole::kLength;
  return MemoryRole::kSize;
}

bool is_integer(const Choice& choice) { return std::holds_alternative<std::int64_t>(choice); }

std::optional<double> number_of(const Choice& choice) {
  if (const auto* i = std::get_if<std::int64_t>(&choice)) return static_cast<double>(*i);
  if (const auto* d = std::get_if<double>(&choice)) return *d;
  return std::nullopt;
}

std::optional<double> least_choice(const CategoricalDistribution& categorical) {
  std::optional<double> least;
  for (const Choice& choice : categorical.choices) {
    const auto number = number_of(choice);
    if (!number || !(*number >= 0.0) || !std::isfinite(*number)) return std::nullopt;
    least = std::min(least.value_or(*number), *number);
  }
  return least;
}

std::size_t place_of(std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  const auto place = static_cast<std::size_t>(at - names.begin());
  if (at == names.end()) names.push_back(name);
  return place;
}

// A hint as a term: {"width", "width", "depth"} is width^2 * depth. None where a parameter of it has no size.
std::optional<MemoryTerm> term_of(const MemoryParams& params, const std::string& name,
                                  const std::vector<std::string>& names) {
  MemoryTerm term{name, {}};
  for (const std::string& param : names) {
    const auto place = params.find_size(param);
    if (!place) return std::nullopt;
    const auto known = std::find_if(term.factors.begin(), term.factors.end(),
                                    [&](const MemoryTerm::Factor& factor) { return factor.params.front() == *place; });
    if (known != term.factors.end()) {
      ++known->power;
    } else {
      term.factors.push_back({{*place}, 1});
    }
  }
  return term;
}

using Places = std::map<MemoryRole, std::vector<std::size_t>>;

struct Product {
  MemoryRole needs;  // without which it is another one of the list
  std::vector<std::pair<MemoryRole, int>> powers;
};

// Those of a network, of the parameters that there are: what each sample needs, the weights, and what each layer keeps
// of each sample for the backward pass.
void add_named_terms(const Places& by_role, MemoryParams& params) {
  using Role = MemoryRole;
  const std::vector<Product> products = {
      {Role::kBatch, {{Role::kBatch, 1}}},
      {Role::kLength, {{Role::kBatch, 1}, {Role::kLength, 1}}},
      {Role::kWidth, {{Role::kWidth, 2}}},
      {Role::kDepth, {{Role::kDepth, 1}, {Role::kWidth, 2}}},
      {Role::kBatch, {{Role::kBatch, 1}, {Role::kLength, 1}, {Role::kWidth, 1}, {Role::kDepth, 1}}},
      {Role::kLength, {{Role::kBatch, 1}, {Role::kLength, 2}, {Role::kDepth, 1}}},
  };
  for (const Product& product : products) {
    if (!by_role.contains(product.needs)) continue;
    MemoryTerm term;
    for (const auto& [role, power] : product.powers) {
      if (const auto places = by_role.find(role); places != by_role.end()) {
        term.factors.push_back({places->second, power});
      }
    }
    term.name = params.formula(term);
    const bool known = std::any_of(params.terms.begin(), params.terms.end(),
                                   [&](const MemoryTerm& other) { return params.formula(other) == term.name; });
    if (!known) params.terms.push_back(std::move(term));
  }
}

}  // namespace

MemoryRole memory_role(const ParamSpec& spec) {
  const bool has_size = least_memory_size(spec).has_value();
  const MemoryRole role = role_of_name(words_of(spec.name));
  if (const auto* categorical = std::get_if<CategoricalDistribution>(&spec.distribution)) {
    if (!has_size) return MemoryRole::kCondition;
    const bool integers = std::all_of(categorical->choices.begin(), categorical->choices.end(), is_integer);
    return role == MemoryRole::kSize && !integers ? MemoryRole::kCondition : role;
  }
  if (std::holds_alternative<FloatDistribution>(spec.distribution)) {
    // A rate, a probability, a weight, unless its name says more. Two of them are never equal.
    const bool plain = role == MemoryRole::kSize || role == MemoryRole::kCondition;
    return plain || !has_size ? MemoryRole::kNone : role;
  }
  return has_size || role == MemoryRole::kNone ? role : MemoryRole::kCondition;
}

std::optional<double> memory_size(const ParamSpec& spec, double value) {
  if (const auto* categorical = std::get_if<CategoricalDistribution>(&spec.distribution)) {
    if (!least_choice(*categorical)) return std::nullopt;
    return number_of(to_external(spec.distribution, value));
  }
  return least_memory_size(spec) ? std::optional(value) : std::nullopt;
}

std::optional<double> least_memory_size(const ParamSpec& spec) {
  double low = 0.0;
  if (const auto* f = std::get_if<FloatDistribution>(&spec.distribution)) low = f->low;
  if (const auto* i = std::get_if<IntDistribution>(&spec.distribution)) low = static_cast<double>(i->low);
  if (const auto* c = std::get_if<CategoricalDistribution>(&spec.distribution)) return least_choice(*c);
  return low >= 0.0 ? std::optional(low) : std::nullopt;
}

double MemoryTerm::value(std::span<const double> sizes) const {
  double product = 1.0;
  for (const Factor& factor : factors) {
    double sum = 0.0;
    for (const std::size_t place : factor.params) sum += std::pow(sizes[place], factor.power);
    product *= sum;
  }
  return product;
}

std::optional<std::size_t> MemoryParams::find_size(std::string_view name) const {
  const auto at = std::find(sizes.begin(), sizes.end(), name);
  return at == sizes.end() ? std::nullopt : std::optional(static_cast<std::size_t>(at - sizes.begin()));
}

bool MemoryParams::matters(std::string_view name) const {
  return find_size(name) || std::find(conditions.begin(), conditions.end(), name) != conditions.end();
}

std::string MemoryParams::formula(const MemoryTerm& term) const {
  std::vector<std::string> parts;
  for (const MemoryTerm::Factor& factor : term.factors) {
    const std::string power = factor.power == 1 ? "" : fmt::format("^{}", factor.power);
    std::vector<std::string> summands;
    for (const std::size_t place : factor.params) summands.push_back(sizes[place] + power);
    parts.push_back(summands.size() == 1 ? summands.front() : "(" + join(summands, " + ") + ")");
  }
  std::sort(parts.begin(), parts.end());
  return parts.empty() ? "1" : join(parts, " * ");
}

MemoryParams memory_params(const ResourceHints& hints, std::span<const ParamSpecPtr> specs) {
  MemoryParams params;
  std::set<std::string> hinted;
  for (const auto& [name, names] : hints) hinted.insert(names.begin(), names.end());
  Places by_role;
  std::vector<std::size_t> typed;
  std::set<std::string> seen;
  for (const ParamSpecPtr& spec : specs) {
    if (!seen.insert(spec->name).second) continue;
    MemoryRole role = memory_role(*spec);
    if (hinted.contains(spec->name) && least_memory_size(*spec)) {
      place_of(params.sizes, spec->name);
      if (role == MemoryRole::kCondition) role = MemoryRole::kNone;  // now it is known how
    }
    if (role == MemoryRole::kNone) continue;
    if (role == MemoryRole::kCondition) {
      params.conditions.push_back(spec->name);
      continue;
    }
    const std::size_t place = place_of(params.sizes, spec->name);
    (role == MemoryRole::kSize ? typed : by_role[role]).push_back(place);
  }
  params.terms.push_back({"constant", {}});
  for (const auto& [name, names] : hints) {
    if (names.empty() || params.terms.size() > kMaxHints) continue;
    if (auto term = term_of(params, name, names)) params.terms.push_back(std::move(*term));
  }
  add_named_terms(by_role, params);
  if (params.terms.size() == 1) {
    for (std::size_t i = 0; i < std::min(typed.size(), kMaxTypedTerms); ++i) {
      params.terms.push_back({params.sizes[typed[i]], {{{typed[i]}, 1}}});
    }
  }
  return params;
}

}  // namespace bluefin
