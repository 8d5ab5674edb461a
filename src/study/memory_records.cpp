// SPDX-License-Identifier: MIT
#include "study/memory_records.hpp"

#include <algorithm>
#include <utility>

namespace bluefin {
namespace {

OutOfMemory kind_of(const std::vector<Attribute>& attributes) {
  const Json* kind = find_attribute(attributes, kFailKey);
  const std::string word = kind == nullptr ? "" : kind->as_string().value_or("");
  for (const OutOfMemory known : {OutOfMemory::kDevice, OutOfMemory::kHost}) {
    if (word == fail_class(known)) return known;
  }
  return OutOfMemory::kNo;
}

std::optional<double> positive(const Json* value) {
  const auto number = value == nullptr ? std::nullopt : value->as_double();
  return number && *number > 0.0 && *number < 1e18 ? number : std::nullopt;
}

void read_telemetry(const std::vector<Attribute>& attributes, MemoryRecord& record) {
  const Json* telemetry = find_attribute(attributes, kTelemetryKey);
  const auto members = telemetry == nullptr ? std::nullopt : telemetry->as_object();
  if (!members) return;
  for (const auto& [name, value] : *members) {
    if (name == "peak_memory_bytes") record.device_peak = positive(&value);
    if (name == "peak_host_bytes") record.host_peak = positive(&value);
  }
}

}  // namespace

std::optional<MemoryRecord> memory_record(const PackedTrialPtr& trial) {
  const std::vector<Attribute> attributes = trial->user_attrs();
  MemoryRecord record{trial};
  switch (trial->state()) {
    case TrialState::kFail:
      record.failed = kind_of(attributes);
      if (record.failed == OutOfMemory::kNo) return std::nullopt;
      record.capacity = positive(find_attribute(attributes, kCapacityKey));
      break;
    case TrialState::kComplete:
    case TrialState::kPruned:
      break;
    default:
      return std::nullopt;
  }
  record.on_device = record.failed == OutOfMemory::kDevice || find_attribute(attributes, kDeviceKey) != nullptr;
  record.peak = positive(find_attribute(attributes, kPeakKey));
  read_telemetry(attributes, record);
  return record;
}

bool MemoryRecords::add_record(const PackedTrialPtr& trial) {
  auto record = memory_record(trial);
  if (!record) return false;
  const bool failed = record->failed != OutOfMemory::kNo;
  std::vector<MemoryRecord>& records = failed ? failures_ : ended_;
  const std::size_t most = failed ? kMaxFailures : kMaxEnded + kMaxUnsettled;
  if (records.size() >= most) records.erase(records.begin());
  records.push_back(std::move(*record));
  ++(failed ? n_failed_ : n_ended_);
  return failed && !std::exchange(wanted_, true);
}

std::uint64_t MemoryRecords::n_settled() const {
  std::uint64_t step = 1;
  while (step < kMaxUnsettled && n_ended_ >= 64 * step) step *= 2;
  return n_ended_ / step * step;
}

bool MemoryRecords::any_failed(OutOfMemory kind) const {
  return std::any_of(failures_.begin(), failures_.end(), [&](const auto& record) { return record.failed == kind; });
}

std::vector<MemoryTrial> MemoryRecords::trials_of(MemoryKind kind) const {
  const bool device = kind == MemoryKind::kDevice;
  const bool takes_untold =
      any_failed(device ? OutOfMemory::kDevice : OutOfMemory::kHost) || (!device && !any_failed(OutOfMemory::kDevice));
  const auto peak = [&](const MemoryRecord& record) {
    const bool own = record.peak && (record.on_device ? device : takes_untold);
    return own ? record.peak : device ? record.device_peak : record.host_peak;
  };
  std::vector<MemoryTrial> trials;
  const std::size_t n = ended_.size() - static_cast<std::size_t>(n_ended_ - n_settled());
  for (std::size_t i = n - std::min(n, kMaxEnded); i < n; ++i) {
    trials.push_back({ended_[i].trial, false, peak(ended_[i]), {}});
  }
  for (const MemoryRecord& record : failures_) {
    if (record.failed != (device ? OutOfMemory::kDevice : OutOfMemory::kHost)) continue;
    trials.push_back({record.trial, true, peak(record), record.capacity});
  }
  return trials;
}

}  // namespace bluefin
