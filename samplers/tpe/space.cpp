// SPDX-License-Identifier: MIT
#include "samplers/tpe/space.hpp"

#include <algorithm>
#include <limits>

namespace bluefin::tpe {
namespace {

constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

// Distinct ids may still mean equal distributions: the choices 1, 1.0 and True are the same.
bool same_distribution(const HistoryView& history, SpecId a, SpecId b) {
  return a == b || history.spec(a)->distribution == history.spec(b)->distribution;
}

void sort_and_drop_single(Space& space) {
  std::erase_if(space, [](const ParamSpecPtr& spec) { return is_single(spec->distribution); });
  std::sort(space.begin(), space.end(), [](const auto& a, const auto& b) { return a->name < b->name; });
}

}  // namespace

void IntersectionSpace::advance(const HistoryView& history) {
  if (seen_ == 0 && history.size() > 0) {
    for (std::size_t p = 0; p < history.n_params(); ++p) {
      const auto param = static_cast<ParamId>(p);
      const SpecId spec = history.spec_ids(param)[0];
      if (spec != kNoSpec) entries_.push_back({param, spec, kNever});
    }
    seen_ = 1;
  }
  if (seen_ >= history.size()) return;
  for (Entry& entry : entries_) {
    if (entry.lost_at != kNever) continue;
    const auto specs = history.spec_ids(entry.param);
    for (std::size_t row = seen_; row < history.size(); ++row) {
      if (specs[row] == kNoSpec || !same_distribution(history, specs[row], entry.spec)) {
        entry.lost_at = row;
        break;
      }
    }
  }
  seen_ = history.size();
}

Space IntersectionSpace::space(const HistoryView& history) const {
  Space space;
  if (history.size() == 0) return space;
  for (const Entry& entry : entries_) {
    if (entry.lost_at >= history.size()) space.push_back(history.spec(entry.spec));
  }
  sort_and_drop_single(space);
  return space;
}

void GroupedSpace::advance(const HistoryView& history) {
  for (; seen_ < history.size(); ++seen_) {
    std::vector<Entry> fresh;  // the row's parameters that no earlier row had
    std::vector<bool> has(history.n_params(), false);
    for (std::size_t p = 0; p < history.n_params(); ++p) {
      const auto param = static_cast<ParamId>(p);
      const SpecId spec = history.spec_ids(param)[seen_];
      if (spec == kNoSpec) continue;
      has[p] = true;
      fresh.push_back({param, spec});
    }
    std::vector<std::vector<Entry>> refined;
    for (auto& group : groups_) {
      for (const Entry& entry : group) {
        std::erase_if(fresh, [&](const Entry& other) { return other.param == entry.param; });
      }
      const auto middle = std::stable_partition(
          group.begin(), group.end(), [&](const Entry& entry) { return has[static_cast<std::size_t>(entry.param)]; });
      refined.emplace_back(group.begin(), middle);
      refined.emplace_back(middle, group.end());
    }
    refined.push_back(std::move(fresh));
    std::erase_if(refined, [](const auto& group) { return group.empty(); });
    groups_ = std::move(refined);
  }
}

std::vector<Space> GroupedSpace::spaces(const HistoryView& history) const {
  std::vector<Space> spaces;
  for (const auto& group : groups_) {
    Space space;
    for (const Entry& entry : group) space.push_back(history.spec(entry.spec));
    sort_and_drop_single(space);
    if (!space.empty()) spaces.push_back(std::move(space));
  }
  return spaces;
}

}  // namespace bluefin::tpe
