// SPDX-License-Identifier: MIT
#include "storage/spec_cache.hpp"

namespace bluefin {
namespace {

// Distributions whose bounds change with every trial would make the cache grow with the study.
constexpr std::size_t kMaxSpecs = 4096;
constexpr std::size_t kMaxRecent = 64;

}  // namespace

ParamSpecPtr SpecCache::find(std::string_view name, std::string_view text) {
  // Trial for trial the same parameters come in the same order.
  if (!recent_.empty()) {
    last_ = last_ + 1 < recent_.size() ? last_ + 1 : 0;
    const Recent& expected = recent_[last_];
    if (expected.text == text && expected.spec->name == name) return expected.spec;
  }
  auto spec = look_up(name, text);
  if (recent_.size() < kMaxRecent) {
    recent_.push_back({std::string(text), spec});
    last_ = recent_.size() - 1;
  } else {
    recent_[last_] = {std::string(text), spec};
  }
  return spec;
}

ParamSpecPtr SpecCache::look_up(std::string_view name, std::string_view text) {
  key_.assign(name).append(1, '\0').append(text);
  if (const auto it = specs_.find(key_); it != specs_.end()) return it->second;
  auto spec = std::make_shared<const ParamSpec>(ParamSpec{std::string(name), distribution_from_json(text)});
  if (specs_.size() >= kMaxSpecs) specs_.clear();
  specs_.emplace(key_, spec);
  return spec;
}

}  // namespace bluefin
