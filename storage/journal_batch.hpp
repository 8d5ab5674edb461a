// SPDX-License-Identifier: MIT
// Lines that a journal gets all together or not at all, also when the process is killed in the middle of the write.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "bluefin/types.hpp"
#include "storage/journal_file.hpp"
#include "storage/journal_pending.hpp"
#include "storage/own_descriptor.hpp"

namespace bluefin {

// A JournalFile::Lock is held from before it is made until it is gone. Throws Error(kUnavailable) when the system
// refuses; then nothing is left, but for a disk that did not confirm what it has.
class JournalBatch {
 public:
  // `study`: the one that the lines make, if they do.
  JournalBatch(JournalFile& journal, std::optional<StudyId> study);
  JournalBatch(const JournalBatch&) = delete;
  JournalBatch& operator=(const JournalBatch&) = delete;
  ~JournalBatch();

  void put(const std::string& line);
  // The line that makes the study was put last.
  void study_is_made();
  // Appends them all and waits for the disk.
  void commit();

 private:
  void write_out();

  JournalFile& journal_;
  PendingBatch facts_;
  Checksum sum_;
  OwnDescriptor pending_;
  std::string buffer_;
};

// Completes the batch of a writer that was killed, if there is one. A JournalFile::Lock is held. `next_study`: the id
// that the next study gets, when everything that is in the journal has been read.
void settle_batch(JournalFile& journal, const std::function<StudyId()>& next_study);

}  // namespace bluefin
