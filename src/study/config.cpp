// SPDX-License-Identifier: MIT
#include "study/config.hpp"

#include <fmt/core.h>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin {
namespace {

JsonTree to_tree(const OptionMap& options) {
  JsonTree tree = JsonTree::object();
  for (const auto& [name, value] : options) tree[name] = parse_json(value.text());
  return tree;
}

OptionMap options_in(const JsonTree& config, const char* key) {
  OptionMap options;
  const auto it = config.find(key);
  if (it == config.end() || !it->is_object()) return options;
  for (const auto& [name, value] : it->items()) options.emplace(name, Json::trusted(dump_json(value)));
  return options;
}

template <class Body>
void attempt(std::string_view what, const Body& body) {
  try {
    body();
  } catch (const std::exception& e) {
    log(LogLevel::kWarning, fmt::format("the study's {} cannot be used, the default is taken: {}", what, e.what()));
  }
}

}  // namespace

Json write_config(const Sampler& sampler, const Pruner& pruner, std::uint64_t seed) {
  JsonTree tree;
  tree["sampler"] = std::string(sampler.name());
  tree["sampler_options"] = to_tree(sampler.options());
  tree["pruner"] = std::string(pruner.name());
  tree["pruner_options"] = to_tree(pruner.options());
  tree["seed"] = seed;
  return Json::trusted(dump_json(tree));
}

Config read_config(const std::vector<Attribute>& system_attrs) {
  Config config;
  const Json* attribute = find_attribute(system_attrs, kConfigKey);
  if (attribute == nullptr) return config;
  attempt("configuration", [&] {
    const JsonTree tree = parse_json(attribute->text());
    config.sampler = tree.at("sampler").get<std::string>();
    config.sampler_options = options_in(tree, "sampler_options");
    config.pruner = tree.at("pruner").get<std::string>();
    config.pruner_options = options_in(tree, "pruner_options");
    if (const auto seed = tree.find("seed"); seed != tree.end() && seed->is_number_integer()) {
      config.seed = seed->get<std::uint64_t>();
    }
  });
  return config;
}

std::shared_ptr<const Sampler> stored_sampler(const Config& config) {
  std::shared_ptr<const Sampler> sampler;
  if (!config.sampler.empty()) {
    attempt("sampler", [&] { sampler = make_sampler(config.sampler, config.sampler_options); });
  }
  return sampler;
}

std::shared_ptr<const Pruner> stored_pruner(const Config& config) {
  std::shared_ptr<const Pruner> pruner;
  if (!config.pruner.empty()) {
    attempt("pruner", [&] { pruner = make_pruner(config.pruner, config.pruner_options); });
  }
  return pruner;
}

}  // namespace bluefin
