// SPDX-License-Identifier: MIT
#include "storage/spec_cache.hpp"

namespace bluefin {
namespace {

// Distributions whose bounds change with every trial would make the cache grow with the study.
constexpr std::size_t kMaxSpecs = 4096;

}  // namespace

ParamSpecPtr SpecCache::find(std::string_view name, std::string_view text) {
  key_.assign(name).append(1, '\0').append(text);
  if (const auto it = specs_.find(key_); it != specs_.end()) return it->second;
  auto spec = std::make_shared<const ParamSpec>(ParamSpec{std::string(name), distribution_from_json(text)});
  if (specs_.size() >= kMaxSpecs) specs_.clear();
  specs_.emplace(key_, spec);
  return spec;
}

}  // namespace bluefin
