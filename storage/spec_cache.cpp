// SPDX-License-Identifier: MIT
#include "storage/spec_cache.hpp"

#include <utility>

#include "bluefin/error.hpp"
#include "core/stored_distribution.hpp"

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

ParamSpecPtr SpecCache::find_held(std::string_view name, std::string_view text) {
  auto spec = find(name, text);
  if (const auto why = problem(*spec); !why.empty()) throw Error(ErrorCode::kInvalidArgument, std::string(why));
  return spec;
}

std::string_view SpecCache::problem(const ParamSpec& spec) const {
  if (problems_.empty()) return {};
  const auto it = problems_.find(&spec);
  return it == problems_.end() ? std::string_view() : it->second;
}

ParamSpecPtr SpecCache::look_up(std::string_view name, std::string_view text) {
  key_.assign(name).append(1, '\0').append(text);
  if (const auto it = specs_.find(key_); it != specs_.end()) return it->second;
  StoredDistribution stored = stored_distribution(text);
  auto spec = std::make_shared<const ParamSpec>(ParamSpec{std::string(name), std::move(stored.distribution)});
  if (specs_.size() >= kMaxSpecs) {
    specs_.clear();
    recent_.clear();
    problems_.clear();
  }
  specs_.emplace(key_, spec);
  if (!stored.problem.empty()) problems_.emplace(spec.get(), std::move(stored.problem));
  return spec;
}

}  // namespace bluefin
