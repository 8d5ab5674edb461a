// SPDX-License-Identifier: MIT
#include "storage/sqlite_db.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "storage/file_locks.hpp"
#include "storage/sqlite_guard.hpp"
#include "storage/sqlite_open.hpp"

namespace bluefin {
namespace {

// SQLite's own busy handler sleeps up to 100 ms between tries, so a worker can miss every gap that others leave.
// Short random sleeps give each a fair chance; after many tries they grow to spare the processor.
std::chrono::microseconds pause(std::minstd_rand& random, int count) {
  std::uniform_int_distribution<int> micros(count < 200 ? 200 : 1000, count < 200 ? 1000 : 5000);
  return std::chrono::microseconds(micros(random));
}

// What the system said, where it said something: of the log or journal, or of the file.
std::string system_reason(sqlite3* handle) {
  int error = sqlite3_system_errno(handle);
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    if (error == 0 && sqlite3_file_control(handle, "main", which, &file) == SQLITE_OK && file != nullptr &&
        file->pMethods != nullptr) {
      file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
  }
  return error == 0 ? std::string() : fmt::format(" ({})", std::strerror(error));
}

}  // namespace

void SqliteQuery::begin() { db_->budget_->begin(); }

SqliteQuery::~SqliteQuery() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void SqliteQuery::bind(int index, std::nullptr_t) {
  if (const int code = sqlite3_bind_null(statement_, index); code != SQLITE_OK) db_->fail(code);
}

void SqliteQuery::bind(int index, double value) {
  if (const int code = sqlite3_bind_double(statement_, index, value); code != SQLITE_OK) db_->fail(code);
}

void SqliteQuery::bind(int index, std::string_view value) {
  const char* data = value.data() != nullptr ? value.data() : "";
  const int code = sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK) db_->fail(code);
}

void SqliteQuery::bind_int(int index, std::int64_t value) {
  if (const int code = sqlite3_bind_int64(statement_, index, value); code != SQLITE_OK) db_->fail(code);
}

bool SqliteQuery::step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) {
    constexpr std::uint64_t kLeastRow = 4;
    read_ += kLeastRow;
    if (read_ > next_look_) {
      db_->check_room(read_);
      next_look_ = read_ + kUncounted;
    }
    return true;
  }
  if (code == SQLITE_DONE) return false;
  db_->fail(code);
}

std::string_view SqliteQuery::text(int column) const {
  sqlite3_value* value = sqlite3_column_value(statement_, column);
  const auto* data = reinterpret_cast<const char*>(sqlite3_value_text(value));
  if (data == nullptr) return {};
  const auto size = static_cast<std::size_t>(sqlite3_value_bytes(value));
  read_ += size;
  return {data, size};
}

SqliteDb::SqliteDb(const std::string& path, std::string name, std::chrono::milliseconds busy_timeout,
                   std::string read_only)
    : path_(path),
      name_(std::move(name)),
      read_only_(std::move(read_only)),
      process_(getpid()),
      busy_timeout_(busy_timeout),
      deadline_(std::chrono::steady_clock::now() + busy_timeout),
      jitter_(static_cast<unsigned>(getpid()) ^
              static_cast<unsigned>(std::chrono::steady_clock::now().time_since_epoch().count())) {
  connect();
}

void SqliteDb::connect() {
  const FileSizeSignalHeld no_signal;
  ::stat(path_.c_str(), &seen_);  // before: what changes meanwhile is looked at once more
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code =
      is_read_only() ? open_sqlite_to_read(path_, name_, &handle_) : open_sqlite(path_, name_, kFlags, &handle_);
  if (code != SQLITE_OK) {
    const std::string why = handle_ != nullptr ? sqlite3_errmsg(handle_) : "out of memory";
    close_sqlite(std::exchange(handle_, nullptr));
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: the file cannot be opened ({})", name_, why));
  }
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_handler(handle_, on_busy, this);
  guard_sqlite(handle_);
  budget_.emplace(handle_);
  try {
    run("PRAGMA foreign_keys=OFF");  // as Optuna has it
    // The one check of Optuna's tables is a rule of db check; others are of somebody who wants rows to take long.
    run("PRAGMA ignore_check_constraints=ON");
    run("PRAGMA cell_size_check=ON");
    // Until enable_wal(). With a rollback journal FULL is not enough: the journal's name could come back after a power
    // cut, and take the last transaction with it.
    run("PRAGMA synchronous=EXTRA");
    run("PRAGMA temp_store=MEMORY");
    run("PRAGMA cache_size=-16000");
    run("PRAGMA journal_size_limit=67108864");
  } catch (...) {
    statements_.clear();
    close_sqlite(std::exchange(handle_, nullptr));
    throw;
  }
  immutable_ = is_read_only() && sqlite3_uri_boolean(sqlite3_db_filename(handle_, "main"), "immutable", 0) != 0;
}

bool SqliteDb::has_changed() const {
  struct stat now {};
  if (::stat(path_.c_str(), &now) != 0) return false;  // gone: what was opened can still be read
  const bool same = now.st_ino == seen_.st_ino && now.st_dev == seen_.st_dev && now.st_size == seen_.st_size &&
                    now.st_mtim.tv_sec == seen_.st_mtim.tv_sec && now.st_mtim.tv_nsec == seen_.st_mtim.tv_nsec;
  return !same || has_sqlite_log(path_);
}

void SqliteDb::connect_again() {
  statements_.clear();
  budget_.reset();
  if (handle_ != nullptr) close_sqlite(std::exchange(handle_, nullptr));
  connect();  // where it fails, the next look tries it again
  ++version_;
  data_version_ = -1;
}

SqliteDb::~SqliteDb() {
  if (getpid() != process_) {
    // The connection is the parent's: closing it here could check-point and delete the parent's log.
    for (auto& [sql, statement] : statements_) static_cast<void>(statement.release());
    return;
  }
  const FileSizeSignalHeld no_signal;  // closing the last connection brings the log home
  if (wal_sync_) wal_sync_->finish();
  statements_.clear();
  close_sqlite(handle_);
}

sqlite3_stmt* SqliteDb::prepare(std::string_view sql) {
  const auto it = statements_.find(sql);
  if (it != statements_.end()) return it->second.get();
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                                      &statement, nullptr);
  if (code != SQLITE_OK) fail(code);
  statements_.emplace(sql, statement);
  return statement;
}

void SqliteDb::commit() {
  // In a rollback-journal file COMMIT itself can be refused while others read; the body then runs again.
  const bool wrote = sqlite3_txn_state(handle_, "main") == SQLITE_TXN_WRITE;
  run("COMMIT");
  if (!wrote) return;
  ++version_;
  if (wal_sync_) last_commit_ = wal_sync_->committed();
}

void SqliteDb::rollback() noexcept {
  if (handle_ != nullptr && sqlite3_get_autocommit(handle_) == 0)
    sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteDb::give_up_or_wait() {
  if (std::chrono::steady_clock::now() < deadline_) {
    std::this_thread::sleep_for(pause(jitter_, 0));
    return;
  }
  const std::string holders = lock_holders(path_);
  throw Error(
      ErrorCode::kUnavailable,
      fmt::format("{}: the file has been locked for {} s by {}; try again when that has ended", name_,
                  std::chrono::duration<double>(busy_timeout_).count(), holders.empty() ? "another process" : holders));
}

int SqliteDb::on_busy(void* self, int count) {
  auto& db = *static_cast<SqliteDb*>(self);
  if (std::chrono::steady_clock::now() >= db.deadline_) return 0;
  std::this_thread::sleep_for(pause(db.jitter_, count));
  return 1;
}

void SqliteDb::check_process() const {
  if (getpid() != process_) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: opened in process {} and used in its child {}; open the storage after fork()", name_,
                            process_, getpid()));
  }
}

std::int64_t SqliteDb::version() {
  check_process();
  deadline_ = std::chrono::steady_clock::now() + busy_timeout_;
  look_at_file_again();
  std::int64_t now = 0;
  try {
    auto pragma = query("PRAGMA data_version");
    pragma.step();
    now = pragma.integer(0);
  } catch (const SqliteBusy&) {
    if (!is_read_only()) throw;
    return ++version_;  // the read that comes next has the patience
  }
  if (now != data_version_) {
    data_version_ = now;
    ++version_;
  }
  return version_;
}

void SqliteDb::check_room(std::uint64_t read) const {
  if (budget_->has_room(read)) return;
  throw Error(
      ErrorCode::kCorrupt,
      fmt::format("{}: it gives more rows and texts than a file of {} bytes has room for, so it is damaged or made "
                  "to do harm; `bluefin db check` looks at its pages",
                  name_, budget_->size()));
}

void SqliteDb::check_writable() const {
  if (is_read_only()) throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", name_, read_only_));
  // The system would let us write to a file that has no name any more.
  int moved = 0;
  if (sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK && moved != 0) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format(
            "{}: the file was moved, replaced or removed while it was in use; put it back. What was told last is "
            "in its log, FILE-wal: whoever opens the file elsewhere moves that along",
            name_));
  }
  if (gate_ && gate_->has_lost_log()) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format("{}: its log, FILE-wal, was removed or replaced while it was in use, and what was told last is "
                    "in there; end all programs that use the file, so that SQLite can save what they have of it",
                    name_));
  }
  if (wal_sync_) wal_sync_->check();
}

bool SqliteDb::enable_wal(std::chrono::milliseconds patience) {
  if (!set_journal_mode("PRAGMA journal_mode=WAL", "wal", patience)) return false;
  run("PRAGMA synchronous=NORMAL");
  // The log is opened by the first read, and from there on nobody removes it. Before it, whoever closes the file does,
  // and the gate could have locked the one that is removed.
  read([&] { query("SELECT 1 FROM sqlite_master LIMIT 1").step(); });
  gate_.emplace(sqlite3_filename_wal(sqlite3_db_filename(handle_, "main")));
  wal_sync_.emplace(handle_, name_);
  wal_checkpoint_.emplace(handle_);
  return true;
}

bool SqliteDb::disable_wal(std::chrono::milliseconds patience) {
  if (!set_journal_mode("PRAGMA journal_mode=DELETE", "delete", patience)) return false;
  run("PRAGMA synchronous=EXTRA");
  wal_checkpoint_.reset();
  gate_.reset();
  wal_sync_.reset();
  return true;
}

bool SqliteDb::set_journal_mode(std::string_view pragma, std::string_view mode, std::chrono::milliseconds patience) {
  const FileSizeSignalHeld no_signal;
  deadline_ = std::chrono::steady_clock::now() + patience;
  for (int count = 0;; ++count) {
    try {
      auto query = this->query(pragma);
      return query.step() && query.text(0) == mode;
    } catch (const SqliteBusy&) {
      // SQLite does not call the busy handler for this one.
      if (std::chrono::steady_clock::now() >= deadline_) return false;
    }
    std::this_thread::sleep_for(pause(jitter_, count));
  }
}

void SqliteDb::fail(int code) const {
  const std::string why = sqlite3_errmsg(handle_);
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw SqliteBusy(fmt::format("{}: {}", name_, why));
    case SQLITE_FULL:
      throw Error(ErrorCode::kUnavailable, fmt::format("{}: the disk is full; free some space and go on", name_));
    case SQLITE_IOERR:
      throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}{}", name_, why, system_reason(handle_)));
    case SQLITE_READONLY:
      // The last writer has closed the file and taken the log along, or the next one is about to make it.
      if (is_read_only()) throw SqliteBusy(fmt::format("{}: {}", name_, why));
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("{}: the file or its folder is read-only; give this user write permission", name_));
    case SQLITE_CANTOPEN:
      if (is_read_only()) {
        throw Error(ErrorCode::kUnavailable,
                    fmt::format("{}: its log {}-wal cannot be read here, and {}; copy both to a folder that can be "
                                "written",
                                name_, path_, read_only_));
      }
      throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", name_, why));
    case SQLITE_NOTADB:
      throw Error(
          ErrorCode::kCorrupt,
          fmt::format("{}: the file is not an SQLite database; give the path of a new file or of a study's file",
                      name_));
    case SQLITE_CORRUPT:
      throw Error(
          ErrorCode::kCorrupt,
          fmt::format("{}: the file is damaged ({}); `sqlite3 FILE .recover` may save what is left", name_, why));
    case SQLITE_INTERRUPT:
      throw Error(
          ErrorCode::kCorrupt,
          fmt::format("{}: reading it takes more steps than a file of {} bytes can need, so it is damaged or made to "
                      "do harm; `bluefin db check` looks at its pages",
                      name_, budget_->size()));
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_SCHEMA:
      throw Error(ErrorCode::kCorrupt, fmt::format("{}: the tables are not as Optuna makes them ({})", name_, why));
    case SQLITE_TOOBIG:
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: a text or a row of more than {} MiB, which is the most that is written or read",
                              name_, kMaxSqliteLength >> 20));
    case SQLITE_MISUSE:
    case SQLITE_RANGE:
      throw Error(ErrorCode::kInternal, fmt::format("{}: {}", name_, why));
    default:
      throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", name_, why));
  }
}

}  // namespace bluefin
