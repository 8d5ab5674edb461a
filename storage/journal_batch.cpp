// SPDX-License-Identifier: MIT
#include "storage/journal_batch.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "storage/file_bytes.hpp"
#include "storage/file_path.hpp"

namespace bluefin {
namespace {

constexpr std::size_t kChunk = 1 << 20;

[[noreturn]] void throw_pending_error(const JournalFile& journal, std::string_view what) {
  throw Error(ErrorCode::kUnavailable,
              fmt::format("journal {}: {} {}: {}", journal.path(), journal.pending_path(), what, std::strerror(errno)));
}

// `n` bytes at most; fewer where the file ends.
std::string bytes_of(const JournalFile& journal, int descriptor, std::int64_t at, std::int64_t n) {
  std::string bytes(static_cast<std::size_t>(n), '\0');
  const ssize_t got = read_at(descriptor, bytes.data(), bytes.size(), at);
  if (got < 0) journal.fail("cannot be read");
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

// Calls for the parts, in order, of n bytes from `at` on, until there are no more or it says false.
template <class Part>
void for_each_part(const JournalFile& journal, int descriptor, std::int64_t at, std::int64_t n, const Part& part) {
  for (std::int64_t done = 0; done < n;) {
    const std::string bytes =
        bytes_of(journal, descriptor, at + done, std::min(static_cast<std::int64_t>(kChunk), n - done));
    if (bytes.empty() || !part(std::string_view(bytes), done)) return;
    done += static_cast<std::int64_t>(bytes.size());
  }
}

// Of the journal's end at `begin`: by it a batch knows its journal.
std::uint64_t sum_before(const JournalFile& journal, std::int64_t begin) {
  const std::int64_t n = std::min<std::int64_t>(begin, 4096);
  Checksum sum;
  sum.add(bytes_of(journal, journal.descriptor(), begin - n, n));
  return sum.value();
}

bool is_whole(const JournalFile& journal, int pending, const PendingBatch& batch) {
  Checksum sum;
  for_each_part(journal, pending, 0, batch.bytes, [&](std::string_view bytes, std::int64_t) {
    sum.add(bytes);
    return true;
  });
  return sum.value() == batch.sum;
}

// How many bytes of the batch the journal has: whole lines.
std::int64_t appended(const JournalFile& journal, int pending, const PendingBatch& batch) {
  std::int64_t lines = 0;
  for_each_part(journal, pending, 0, batch.bytes, [&](std::string_view ours, std::int64_t at) {
    const std::string there =
        bytes_of(journal, journal.descriptor(), batch.begin + at, static_cast<std::int64_t>(ours.size()));
    const auto differs = std::mismatch(there.begin(), there.end(), ours.begin()).first;
    const auto same = static_cast<std::size_t>(differs - there.begin());
    const auto last = ours.substr(0, same).rfind('\n');
    if (last != std::string_view::npos) lines = at + static_cast<std::int64_t>(last) + 1;
    return same == ours.size();
  });
  return lines;
}

bool has_lines_behind(const JournalFile& journal, std::int64_t at) {
  bool found = false;
  for_each_part(journal, journal.descriptor(), at, journal.size() - at, [&](std::string_view bytes, std::int64_t) {
    found = bytes.find('\n') != std::string_view::npos;
    return !found;
  });
  return found;
}

// What stays would hide from readers all that is written from now on.
void remove(const JournalFile& journal) {
  if (::unlink(journal.pending_path().c_str()) != 0 && errno != ENOENT)
    throw_pending_error(journal, "cannot be removed");
}

}  // namespace

JournalBatch::JournalBatch(JournalFile& journal, std::optional<StudyId> study) : journal_(journal) {
  facts_.begin = journal_.ready_to_append();
  facts_.before = sum_before(journal_, facts_.begin);
  if (study) facts_.study = static_cast<std::int64_t>(*study);
  const char* const path = journal_.pending_path().c_str();
  if (!pending_.open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0666))
    throw_pending_error(journal_, "cannot be made");
}

JournalBatch::~JournalBatch() {
  try {
    // A part of it that could not be taken back, or that the disk did not confirm, is completed by the next writer.
    if (pending_.get() >= 0 && journal_.size() == facts_.begin) remove(journal_);
  } catch (const Error&) {  // the next writer looks again
  }
}

void JournalBatch::put(const std::string& line) {
  buffer_.append(line).push_back('\n');
  if (buffer_.size() >= kChunk) write_out();
}

void JournalBatch::study_is_made() { facts_.head = facts_.bytes + static_cast<std::int64_t>(buffer_.size()); }

void JournalBatch::write_out() {
  if (!write_all(pending_.get(), buffer_)) throw_pending_error(journal_, "cannot be written");
  sum_.add(buffer_);
  facts_.bytes += static_cast<std::int64_t>(buffer_.size());
  buffer_.clear();
}

void JournalBatch::commit() {
  write_out();
  facts_.sum = sum_.value();
  if (!write_all(pending_.get(), pending_trailer(facts_))) throw_pending_error(journal_, "cannot be written");
  if (!sync_data(pending_.get()) || !sync_folder_of(journal_.pending_path())) {
    throw_pending_error(journal_, "was not confirmed by the disk");
  }
  journal_.append_file(pending_.get(), 0, facts_.bytes);
  remove(journal_);
  // What comes back after a power cut would hide what others have written behind the batch; but it is there.
  sync_folder_of(journal_.pending_path());
}

void settle_batch(JournalFile& journal, const std::function<StudyId()>& next_study) {
  OwnDescriptor pending;
  if (!pending.open(journal.pending_path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) {
    if (errno == ENOENT) return;
    throw_pending_error(journal, "cannot be read");
  }
  struct stat file {};
  struct stat status {};
  if (::fstat(journal.descriptor(), &file) != 0 || ::fstat(pending.get(), &status) != 0)
    throw_pending_error(journal, "cannot be read");
  if (!may_stand_beside(file, status)) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("journal {}: {} is of the user {}, who may not write the journal; remove it",
                            journal.path(), journal.pending_path(), status.st_uid));
  }
  const auto batch = read_pending(pending.get());
  // Its writer died before it could append anything.
  if (!batch || !is_whole(journal, pending.get(), *batch)) return remove(journal);
  if (batch->begin > journal.size() || batch->before != sum_before(journal, batch->begin)) {
    log(LogLevel::kWarning, fmt::format("{} belongs to another state of the journal; it is removed, and what it was to "
                                        "append is not there",
                                        journal.pending_path()));
    return remove(journal);
  }
  const std::int64_t have = appended(journal, pending.get(), *batch);
  if (have < batch->bytes) {
    // Others, which know nothing of it (Optuna), may have made a study with its id meanwhile.
    const bool fits = batch->study < 0 || have >= batch->head || !has_lines_behind(journal, batch->begin + have) ||
                      static_cast<std::int64_t>(next_study()) == batch->study;
    if (fits) {
      journal.append_file(pending.get(), have, batch->bytes - have);
      log(LogLevel::kInfo,
          fmt::format("journal {}: what a process that was killed has begun to write is completed", journal.path()));
    } else {
      log(LogLevel::kWarning, fmt::format("journal {}: a process was killed while it wrote a study, and others have "
                                          "written since; that study is not there, write it again",
                                          journal.path()));
    }
  }
  remove(journal);
  sync_folder_of(journal.pending_path());
}

}  // namespace bluefin
