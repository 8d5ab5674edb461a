// SPDX-License-Identifier: MIT
#include "storage/journal_pending.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

#include "storage/file_bytes.hpp"
#include "storage/file_path.hpp"

namespace bluefin {

void Checksum::add(std::string_view bytes) {
  for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * 1099511628211U;
}

std::string pending_trailer(const PendingBatch& batch) {
  return fmt::format(
      "{{\"begin\": {:>19}, \"head\": {:>19}, \"bytes\": {:>19}, \"study\": {:>19}, \"before\": \"{:016x}\", "
      "\"sum\": \"{:016x}\"}}\n",
      batch.begin, batch.head, batch.bytes, batch.study, batch.before, batch.sum);
}

std::optional<PendingBatch> read_pending(int descriptor) {
  static const auto kLength = static_cast<std::int64_t>(pending_trailer({}).size());
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || status.st_size < kLength) return std::nullopt;
  std::string text(static_cast<std::size_t>(kLength), '\0');
  if (read_at(descriptor, text.data(), text.size(), status.st_size - kLength) != kLength) return std::nullopt;
  PendingBatch batch;
  const int n = std::sscanf(text.c_str(),
                            "{\"begin\": %" SCNd64 ", \"head\": %" SCNd64 ", \"bytes\": %" SCNd64
                            ", \"study\": %" SCNd64 ", \"before\": \"%" SCNx64 "\", \"sum\": \"%" SCNx64 "\"}",
                            &batch.begin, &batch.head, &batch.bytes, &batch.study, &batch.before, &batch.sum);
  // Said with the same bytes: it is no other line that begins so, nor half of one.
  if (n != 6 || pending_trailer(batch) != text) return std::nullopt;
  if (batch.begin < 0 || batch.bytes != status.st_size - kLength) return std::nullopt;
  return batch;
}

std::optional<PendingBatch> find_pending(const std::string& path, int journal) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return std::nullopt;
  struct stat file {};
  struct stat pending {};
  const bool known = ::fstat(journal, &file) == 0 && ::fstat(descriptor, &pending) == 0;
  const auto batch = known && may_stand_beside(file, pending) ? read_pending(descriptor) : std::nullopt;
  ::close(descriptor);
  return batch;
}

}  // namespace bluefin
