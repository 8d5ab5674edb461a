// SPDX-License-Identifier: MIT
// An SQLite VFS that works as the system's own and keeps a log of what is written and synced, so that a test can make
// the files that a power cut at any moment could have left.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace bluefin::test {

struct DiskOperation {
  enum class Kind : std::uint8_t { kWrite, kTruncate, kSync, kDelete };
  std::string file;  // its name without the folder
  Kind kind;
  std::int64_t offset;  // of a write; the new size of a truncation
  std::string data;     // of a deletion: not empty where the folder was synced with it
};

// The process's default VFS as long as it lives; one at a time. Threads may share it.
class RecordingVfs {
 public:
  RecordingVfs() : real_(sqlite3_vfs_find(nullptr)) {
    vfs_ = *real_;
    vfs_.zName = "recording";
    vfs_.pNext = nullptr;
    vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_->szOsFile;
    vfs_.xOpen = open;
    vfs_.xDelete = remove;
    self_ = this;
    sqlite3_vfs_register(&vfs_, 1);
  }
  RecordingVfs(const RecordingVfs&) = delete;
  RecordingVfs& operator=(const RecordingVfs&) = delete;
  ~RecordingVfs() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
    self_ = nullptr;
  }

  // From now on every sync of a file whose name ends so is refused.
  void refuse_syncs(std::string tail) {
    const std::lock_guard lock(mutex_);
    refused_ = std::move(tail);
  }

  // From now on each call asks first; a result other than SQLITE_OK takes the place of the call. Calls that give
  // something back (close, unlock) cannot fail.
  using Intercept = std::function<int(std::string_view call)>;
  void intercept(Intercept intercept) {
    const std::lock_guard lock(mutex_);
    intercept_ = std::move(intercept);
  }

  std::size_t size() {
    const std::lock_guard lock(mutex_);
    return log_.size();
  }
  std::vector<DiskOperation> log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }

 private:
  struct File {
    sqlite3_file base;
    sqlite3_file* real;
    std::string* name;
  };

  static File* file_of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
  static sqlite3_file* real_of(sqlite3_file* file) { return file_of(file)->real; }

  static std::string base_name(const char* path) {
    const char* slash = std::strrchr(path, '/');
    return slash == nullptr ? path : slash + 1;
  }

  bool refuses(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return !refused_.empty() && name.ends_with(refused_);
  }

  static int ask(std::string_view call) {
    Intercept intercept;
    {
      const std::lock_guard lock(self_->mutex_);
      intercept = self_->intercept_;
    }
    return intercept ? intercept(call) : SQLITE_OK;
  }

  void note(DiskOperation operation) {
    const std::lock_guard lock(mutex_);
    log_.push_back(std::move(operation));
  }

  static int open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* out_flags) {
    File* f = file_of(file);
    f->base.pMethods = nullptr;
    f->real = reinterpret_cast<sqlite3_file*>(f + 1);
    f->name = nullptr;
    if (const int refused = ask("open"); refused != SQLITE_OK) return refused;
    const int code = self_->real_->xOpen(self_->real_, path, f->real, flags, out_flags);
    if (code != SQLITE_OK) return code;
    f->name = new std::string(path == nullptr ? "" : base_name(path));
    f->base.pMethods = methods();
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs*, const char* path, int sync_folder) {
    if (const int refused = ask("delete"); refused != SQLITE_OK) return refused;
    const int code = self_->real_->xDelete(self_->real_, path, sync_folder);
    if (code == SQLITE_OK) {
      self_->note({base_name(path), DiskOperation::Kind::kDelete, 0, sync_folder != 0 ? "synced" : ""});
    }
    return code;
  }

  static const sqlite3_io_methods* methods() {
    static const sqlite3_io_methods kMethods = {
        3,
        [](sqlite3_file* f) {
          delete file_of(f)->name;
          return real_of(f)->pMethods->xClose(real_of(f));
        },
        [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
          if (const int refused = ask("read"); refused != SQLITE_OK) return refused;
          return real_of(f)->pMethods->xRead(real_of(f), to, n, at);
        },
        [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
          if (const int refused = ask("write"); refused != SQLITE_OK) return refused;
          const int code = real_of(f)->pMethods->xWrite(real_of(f), from, n, at);
          if (code == SQLITE_OK && !file_of(f)->name->empty()) {
            self_->note({*file_of(f)->name, DiskOperation::Kind::kWrite, at,
                         std::string(static_cast<const char*>(from), static_cast<std::size_t>(n))});
          }
          return code;
        },
        [](sqlite3_file* f, sqlite3_int64 size) {
          if (const int refused = ask("truncate"); refused != SQLITE_OK) return refused;
          const int code = real_of(f)->pMethods->xTruncate(real_of(f), size);
          if (code == SQLITE_OK) self_->note({*file_of(f)->name, DiskOperation::Kind::kTruncate, size, {}});
          return code;
        },
        [](sqlite3_file* f, int flags) {
          // What is written while the sync runs need not be part of it, so it is noted where it began.
          if (self_->refuses(*file_of(f)->name)) return SQLITE_IOERR_FSYNC;
          if (const int refused = ask("sync"); refused != SQLITE_OK) return refused;
          self_->note({*file_of(f)->name, DiskOperation::Kind::kSync, 0, {}});
          return real_of(f)->pMethods->xSync(real_of(f), flags);
        },
        [](sqlite3_file* f, sqlite3_int64* size) {
          if (const int refused = ask("size"); refused != SQLITE_OK) return refused;
          return real_of(f)->pMethods->xFileSize(real_of(f), size);
        },
        [](sqlite3_file* f, int level) {
          if (const int refused = ask("lock"); refused != SQLITE_OK) return refused;
          return real_of(f)->pMethods->xLock(real_of(f), level);
        },
        [](sqlite3_file* f, int level) { return real_of(f)->pMethods->xUnlock(real_of(f), level); },
        [](sqlite3_file* f, int* out) { return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out); },
        [](sqlite3_file* f, int what, void* out) { return real_of(f)->pMethods->xFileControl(real_of(f), what, out); },
        [](sqlite3_file* f) { return real_of(f)->pMethods->xSectorSize(real_of(f)); },
        [](sqlite3_file* f) { return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f)); },
        [](sqlite3_file* f, int page, int size, int extend, void volatile** out) {
          if (const int refused = ask("shm map"); refused != SQLITE_OK) return refused;
          return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
        },
        [](sqlite3_file* f, int offset, int n, int flags) {
          if ((flags & SQLITE_SHM_LOCK) != 0) {
            if (const int refused = ask("shm lock"); refused != SQLITE_OK) return refused;
          }
          return real_of(f)->pMethods->xShmLock(real_of(f), offset, n, flags);
        },
        [](sqlite3_file* f) { real_of(f)->pMethods->xShmBarrier(real_of(f)); },
        [](sqlite3_file* f, int unlink) { return real_of(f)->pMethods->xShmUnmap(real_of(f), unlink); },
        [](sqlite3_file* f, sqlite3_int64 at, int n, void** out) {
          return real_of(f)->pMethods->xFetch(real_of(f), at, n, out);
        },
        [](sqlite3_file* f, sqlite3_int64 at, void* p) { return real_of(f)->pMethods->xUnfetch(real_of(f), at, p); },
    };
    return &kMethods;
  }

  static inline RecordingVfs* self_ = nullptr;
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  std::mutex mutex_;
  std::vector<DiskOperation> log_;
  std::string refused_;
  Intercept intercept_;
};

// The contents of the files after a power cut when the first `count` operations had been made: what was synced, and of
// the rest each write whole, in part (sectors of 512 bytes) or not at all. `syncs_count` false: a disk that lies.
inline std::map<std::string, std::string> after_power_cut(const std::vector<DiskOperation>& log, std::size_t count,
                                                          std::mt19937& random, bool syncs_count = true) {
  std::map<std::string, std::size_t> safe;  // operations before this index are on the disk
  std::size_t folder_safe = 0;              // the same for deletions
  std::set<std::string> known;              // files that were synced since they were made
  for (std::size_t i = 0; i < count && syncs_count; ++i) {
    if (log[i].kind == DiskOperation::Kind::kDelete) {
      known.erase(log[i].file);
      if (!log[i].data.empty()) folder_safe = i + 1;
    }
    if (log[i].kind != DiskOperation::Kind::kSync) continue;
    // SQLite syncs the folder with the first sync of a log or journal that it has made (UNIXFILE_DIRSYNC).
    if (known.insert(log[i].file).second && log[i].file.find('-') != std::string::npos) folder_safe = i;
    safe[log[i].file] = i;
  }
  std::map<std::string, std::string> files;
  for (std::size_t i = 0; i < count; ++i) {
    const DiskOperation& operation = log[i];
    const bool synced = i < safe[operation.file];
    std::string& file = files[operation.file];
    switch (operation.kind) {
      case DiskOperation::Kind::kWrite: {
        std::size_t n = operation.data.size();
        const auto fate = synced ? 0U : random() % 4;
        if (fate == 1) n = 0;
        if (fate == 2) n = random() % (n / 512 + 1) * 512;
        if (n == 0) break;
        const auto at = static_cast<std::size_t>(operation.offset);
        if (file.size() < at + n) file.resize(at + n, '\0');
        file.replace(at, n, operation.data, 0, n);
        break;
      }
      case DiskOperation::Kind::kTruncate:
        if (synced || random() % 2 == 0) file.resize(static_cast<std::size_t>(operation.offset), '\0');
        break;
      case DiskOperation::Kind::kDelete:
        if (i < folder_safe || random() % 2 == 0) files.erase(operation.file);
        break;
      case DiskOperation::Kind::kSync:
        break;
    }
  }
  return files;
}

}  // namespace bluefin::test
