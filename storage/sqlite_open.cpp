// SPDX-License-Identifier: MIT
#include "storage/sqlite_open.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <compare>
#include <cstdlib>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>

#include "bluefin/error.hpp"
#include "storage/sqlite_copies.hpp"
#include "storage/sqlite_fork.hpp"

namespace bluefin {
namespace {

struct FileId {
  dev_t device;
  ino_t inode;
  friend auto operator<=>(const FileId&, const FileId&) = default;
};

FileId id_of(const struct stat& status) { return {status.st_dev, status.st_ino}; }

bool refers_to(int descriptor, const FileId& file) {
  struct stat status {};
  return fstat(descriptor, &status) == 0 && id_of(status) == file;
}

// By which descriptors this process has a file open; none for a file that does not exist, or where there is no /proc.
struct Opened {
  std::optional<FileId> file;
  std::set<int> descriptors;

  explicit Opened(const std::string& path) {
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) return;
    file = id_of(status);
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
    while (const dirent* entry = folder ? readdir(folder.get()) : nullptr) {
      const int descriptor = std::atoi(entry->d_name);  // "." and "..": 0, which is no database
      if (refers_to(descriptor, *file)) descriptors.insert(descriptor);
    }
  }
};

// What SQLite has opened for bluefin. It keeps a descriptor beyond sqlite3_close() while another connection holds a
// lock.
struct Ours {
  std::mutex mutex;  // held while a file is opened or closed
  std::map<FileId, std::set<int>> files;

  bool includes(const Opened& opened) const {
    const auto known = opened.file ? files.find(*opened.file) : files.end();
    if (known == files.end()) return opened.descriptors.empty();
    return std::includes(known->second.begin(), known->second.end(), opened.descriptors.begin(),
                         opened.descriptors.end());
  }

  void add_new(const Opened& before, const Opened& after) {
    if (!after.file) return;
    auto& known = files[*after.file];
    std::set_difference(after.descriptors.begin(), after.descriptors.end(), before.descriptors.begin(),
                        before.descriptors.end(), std::inserter(known, known.end()));
  }

  void forget_closed() {
    for (auto& [file, descriptors] : files) {
      std::erase_if(descriptors, [&id = file](int descriptor) { return !refers_to(descriptor, id); });
    }
    std::erase_if(files, [](const auto& entry) { return entry.second.empty(); });
  }
};

Ours& ours() {
  // Never destroyed: storages may outlive every static object.
  static auto& files = []() -> Ours& {
    auto& made = *new Ours;
    let_sqlite_fork(made.mutex);
    return made;
  }();
  return files;
}

// SQLite would make it with mode 0644, so that a umask for a group (002) had no effect; log and shared memory take
// their modes from it. Only where there is none: to close a file that this process has open would drop its locks.
void make_file(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor >= 0) close(descriptor);  // otherwise SQLite says why
}

// `target` is the path, or a URI for it.
int open_target(const std::string& target, const std::string& path, const std::string& name, int flags,
                sqlite3** handle) {
  const std::lock_guard lock(ours().mutex);
  const Opened before(path);
  if (!ours().includes(before)) {
    // Looked for only here: a second copy that leaves the file alone is no harm.
    if (const std::string copy = other_sqlite_copy(); !copy.empty()) {
      throw Error(
          ErrorCode::kUnavailable,
          fmt::format("{}: this process has the file open and has a second copy of SQLite ({}); two copies with "
                      "one file open can damage it, so close it there first, or use it in another process",
                      name, copy));
    }
  }
  if ((flags & SQLITE_OPEN_CREATE) != 0 && !before.file) make_file(path);
  const int code = sqlite3_open_v2(target.c_str(), handle, flags, nullptr);
  if (code == SQLITE_OK) ours().add_new(before, Opened(path));
  return code;
}

// Bytes of the header, through SQLite's own descriptor: nobody else may open and close the file.
bool read_header(sqlite3* handle, int offset, void* to, int n) {
  sqlite3_file* file = nullptr;
  return sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK && file != nullptr &&
         file->pMethods != nullptr && file->pMethods->xRead(file, to, n, offset) == SQLITE_OK;
}

bool has_wal_format(sqlite3* handle) {
  unsigned char versions[2] = {};
  return read_header(handle, 18, versions, 2) && versions[0] == 2;
}

std::string immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    const bool plain = c != '%' && c != '?' && c != '#';
    uri += plain ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
  }
  return uri + "?immutable=1";
}

}  // namespace

bool has_sqlite_log(const std::string& path) {
  struct stat status {};
  if (stat((path + "-wal").c_str(), &status) != 0) return false;
  return status.st_size > 0 || stat((path + "-shm").c_str(), &status) == 0;
}

int open_sqlite(const std::string& path, const std::string& name, int flags, sqlite3** handle) {
  return open_target(path, path, name, flags, handle);
}

int open_sqlite_to_read(const std::string& path, const std::string& name, sqlite3** handle) {
  constexpr int kFlags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
  const int code = open_target(path, path, name, kFlags, handle);
  if (code != SQLITE_OK || !has_wal_format(*handle) || has_sqlite_log(path)) return code;
  close_sqlite(*handle);
  return open_target(immutable_uri(path), path, name, kFlags | SQLITE_OPEN_URI, handle);
}

bool is_sqlite_file(const std::string& path) {
  static constexpr std::string_view kMagic{"SQLite format 3\0", 16};
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;  // opening a pipe would wait
  sqlite3* handle = nullptr;
  char head[kMagic.size()] = {};
  const bool is_one = open_target(path, path, path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, &handle) == SQLITE_OK &&
                      read_header(handle, 0, head, sizeof head) && std::string_view(head, sizeof head) == kMagic;
  close_sqlite(handle);
  return is_one;
}

void close_sqlite(sqlite3* handle) {
  const std::lock_guard lock(ours().mutex);
  sqlite3_close(handle);
  ours().forget_closed();
}

}  // namespace bluefin
