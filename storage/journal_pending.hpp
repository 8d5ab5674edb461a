// SPDX-License-Identifier: MIT
// JOURNAL.pending: the lines that a batch is about to append, so that it gets there whole or not at all.
//
// Optuna's format has no transactions: of many lines, a process that is killed in the middle of the write leaves the
// first ones. So they are first written here, and the last line says that they are all there and where they go:
//   {"begin": 4711, "head": 80, "bytes": 90210, "study": 3, "before": "0123456789abcdef", "sum": "0123456789abcdef"}
// Only then they are appended, and when that is done the file is removed. Who finds it with the journal's lock in its
// hand knows that its writer is dead, and appends what is missing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace bluefin {

struct PendingBatch {
  std::int64_t begin = 0;    // where in the journal its lines go
  std::int64_t head = 0;     // how many bytes of it end with the line that makes its study
  std::int64_t bytes = 0;    // of all its lines
  std::int64_t study = -1;   // the study that it makes; -1: none
  std::uint64_t before = 0;  // checksum of the end of the journal before it
  std::uint64_t sum = 0;     // of its lines
};

// FNV-1a.
class Checksum {
 public:
  void add(std::string_view bytes);
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 14695981039346656037U;
};

// The last line, always of one length.
std::string pending_trailer(const PendingBatch& batch);
// What the last line of an open pending file says; nothing when it has none yet.
std::optional<PendingBatch> read_pending(int descriptor);
// The same by the file's path, beside the journal of that descriptor; nothing also when there is no such file, or it is
// of somebody who may not write the journal.
std::optional<PendingBatch> find_pending(const std::string& path, int journal);

}  // namespace bluefin
