// SPDX-License-Identifier: MIT
#include "core/packed_trial.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <new>

namespace bluefin {
namespace {

constexpr std::int64_t kNoTime = std::numeric_limits<std::int64_t>::min();

// Trials may each bring objects of their own.
constexpr std::size_t kMaxShapes = 4096;

std::int64_t ticks(const std::optional<Time>& time) { return time ? time->time_since_epoch().count() : kNoTime; }

// Whether the steps are first, first + distance, first + 2 distance, ...
bool evenly_spaced(const std::vector<Report>& reports) {
  if (reports.size() < 2) return true;
  // As unsigned numbers: steps of someone else's file may be anything.
  const auto step = [&](std::size_t i) { return static_cast<std::uint64_t>(reports[i].step); };
  for (std::size_t i = 2; i < reports.size(); ++i) {
    if (step(i) - step(i - 1) != step(1) - step(0)) return false;
  }
  return true;
}

std::size_t text_bytes(const std::vector<Attribute>& attributes) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : attributes) bytes += 2 * sizeof(std::size_t) + key.size() + value.text().size();
  return bytes;
}

char* write_attributes(const std::vector<Attribute>& attributes, char* at) {
  for (const auto& [key, value] : attributes) {
    for (const std::string* text : {&key, &value.text()}) {
      const std::size_t size = text->size();
      std::memcpy(at, &size, sizeof(size));
      std::memcpy(at + sizeof(size), text->data(), size);
      at += sizeof(size) + size;
    }
  }
  return at;
}

std::string_view read_text(const char*& at) {
  std::size_t size = 0;
  std::memcpy(&size, at, sizeof(size));
  const std::string_view text(at + sizeof(size), size);
  at += sizeof(size) + size;
  return text;
}

std::vector<Attribute> read_attributes(const char*& at, std::size_t n) {
  std::vector<Attribute> attributes;
  attributes.reserve(n);
  for (std::size_t i = 0; i < n; ++i) {
    std::string key(read_text(at));
    attributes.push_back({std::move(key), Json::trusted(std::string(read_text(at)))});
  }
  return attributes;
}

}  // namespace

// --- PackedTrial -----------------------------------------------------------------------------------------------------

PackedTrial::PackedTrial(const FrozenTrial& trial, std::shared_ptr<const TrialShape> shape, bool even)
    : number_(trial.number),
      id_(trial.id),
      start_(ticks(trial.datetime_start)),
      complete_(ticks(trial.datetime_complete)),
      shape_(std::move(shape)),
      n_values_(static_cast<std::uint32_t>(trial.values.size())),
      n_reports_(static_cast<std::uint32_t>(trial.reports.size())),
      n_user_attrs_(static_cast<std::uint32_t>(trial.user_attrs.size())),
      n_system_attrs_(static_cast<std::uint32_t>(trial.system_attrs.size())),
      state_(trial.state),
      even_(even) {
  auto* number = const_cast<double*>(numbers());
  number = std::copy(trial.values.begin(), trial.values.end(), number);
  for (const auto& param : trial.params) *number++ = param.value;
  for (const auto& report : trial.reports) *number++ = report.value;
  auto* step = const_cast<std::int64_t*>(steps());
  if (even_ && n_reports_ != 0) {
    step[0] = trial.reports[0].step;
    // As unsigned numbers, as above.
    step[1] = n_reports_ == 1 ? 0
                              : static_cast<std::int64_t>(static_cast<std::uint64_t>(trial.reports[1].step) -
                                                          static_cast<std::uint64_t>(step[0]));
  } else {
    for (const auto& report : trial.reports) *step++ = report.step;
  }
  write_attributes(trial.system_attrs, write_attributes(trial.user_attrs, const_cast<char*>(attributes())));
}

void PackedTrial::destroy(const PackedTrial* trial) {
  trial->~PackedTrial();
  ::operator delete(const_cast<PackedTrial*>(trial));
}

std::optional<Time> PackedTrial::time_of(std::int64_t time) {
  return time == kNoTime ? std::nullopt : std::optional(Time(std::chrono::microseconds(time)));
}

ReportCurve PackedTrial::reports(double sign) const { return {{report_values(), n_reports_}, steps(), even_, sign}; }

std::vector<Attribute> PackedTrial::user_attrs() const {
  const char* at = attributes();
  return read_attributes(at, n_user_attrs_);
}

std::vector<Attribute> PackedTrial::system_attrs() const {
  const char* at = attributes();
  for (std::size_t i = 0; i < 2 * std::size_t{n_user_attrs_}; ++i) read_text(at);
  return read_attributes(at, n_system_attrs_);
}

FrozenTrial PackedTrial::unpack() const {
  FrozenTrial trial;
  trial.id = id_;
  trial.number = number_;
  trial.state = state_;
  trial.values.assign(values().begin(), values().end());
  trial.params.reserve(shape_->size());
  for (std::size_t i = 0; i < shape_->size(); ++i) trial.params.push_back({(*shape_)[i], param_values()[i]});
  const ReportCurve curve = reports();
  trial.reports.reserve(curve.size());
  for (std::size_t i = 0; i < curve.size(); ++i) trial.reports.push_back(curve[i]);
  const char* at = attributes();
  trial.user_attrs = read_attributes(at, n_user_attrs_);
  trial.system_attrs = read_attributes(at, n_system_attrs_);
  trial.datetime_start = datetime_start();
  trial.datetime_complete = datetime_complete();
  return trial;
}

// --- TrialPacker -----------------------------------------------------------------------------------------------------

namespace {

const ParamSpec* address(const ParamSpecPtr& spec) { return spec.get(); }
const ParamSpec* address(const TrialParam& param) { return param.spec.get(); }

// Some order: what matters is that equal lists are found.
bool comes_before(const auto& a, const auto& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](const auto& left, const auto& right) {
    return std::less<const ParamSpec*>()(address(left), address(right));
  });
}

}  // namespace

bool TrialPacker::ByParams::operator()(const Shape& a, const Shape& b) const { return comes_before(*a, *b); }
bool TrialPacker::ByParams::operator()(const Shape& a, std::span<const TrialParam> b) const {
  return comes_before(*a, b);
}
bool TrialPacker::ByParams::operator()(std::span<const TrialParam> a, const Shape& b) const {
  return comes_before(a, *b);
}

std::shared_ptr<const TrialShape> TrialPacker::shape_of(const FrozenTrial& trial) {
  const std::span<const TrialParam> params(trial.params);
  if (const auto it = shapes_.find(params); it != shapes_.end()) return *it;
  TrialShape shape;
  shape.reserve(params.size());
  for (const auto& param : params) shape.push_back(param.spec);
  if (shapes_.size() >= kMaxShapes) shapes_.clear();
  return *shapes_.insert(std::make_shared<const TrialShape>(std::move(shape))).first;
}

PackedTrialPtr TrialPacker::pack(const FrozenTrial& trial) {
  const bool even = evenly_spaced(trial.reports);
  const std::size_t n_steps = trial.reports.empty() ? 0 : even ? 2 : trial.reports.size();
  const std::size_t n_numbers = trial.values.size() + trial.params.size() + trial.reports.size();
  const std::size_t bytes = sizeof(PackedTrial) + n_numbers * sizeof(double) + n_steps * sizeof(std::int64_t) +
                            text_bytes(trial.user_attrs) + text_bytes(trial.system_attrs);
  auto shape = shape_of(trial);
  return PackedTrialPtr(new (::operator new(bytes)) PackedTrial(trial, std::move(shape), even));
}

}  // namespace bluefin
