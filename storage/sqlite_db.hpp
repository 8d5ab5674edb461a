// SPDX-License-Identifier: MIT
// One SQLite connection: prepared statements kept for its lifetime, transactions that run again when the file was
// busy, and SQLite's result codes as bluefin's errors.
#pragma once

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "bluefin/durability.hpp"
#include "bluefin/error.hpp"
#include "bluefin/types.hpp"
#include "core/file_size_signal.hpp"
#include "storage/sqlite_budget.hpp"
#include "storage/wal_checkpoint.hpp"
#include "storage/wal_sync.hpp"
#include "storage/write_gate.hpp"

namespace bluefin {

// SQLITE_BUSY and SQLITE_LOCKED. Caught by SqliteDb's transactions; leaves them as Error(kUnavailable) only.
class SqliteBusy : public Error {
 public:
  explicit SqliteBusy(const std::string& message) : Error(ErrorCode::kUnavailable, message) {}
};

// A prepared statement in use. Going out of scope resets it, so that it holds no lock and can be used again.
class SqliteQuery {
 public:
  template <class... Args>
  SqliteQuery(class SqliteDb& db, sqlite3_stmt* statement, const Args&... args) : db_(&db), statement_(statement) {
    begin();
    [[maybe_unused]] int index = 0;
    (bind(++index, args), ...);
  }
  SqliteQuery(const SqliteQuery&) = delete;
  SqliteQuery& operator=(const SqliteQuery&) = delete;
  ~SqliteQuery();

  void bind(int index, std::nullptr_t);
  void bind(int index, double value);  // NaN becomes NULL
  void bind(int index, std::string_view value);
  template <class T>
  requires(std::is_integral_v<T> || std::is_enum_v<T>) void bind(int index, T value) {
    bind_int(index, static_cast<std::int64_t>(value));
  }
  template <class T>
  void bind(int index, const std::optional<T>& value) {
    if (value)
      bind(index, *value);
    else
      bind(index, nullptr);
  }

  bool step();  // true: there is a row
  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  double real(int column) const { return sqlite3_column_double(statement_, column); }
  // nullopt for NULL. One call for the value costs less than one for its type and one for the number.
  std::optional<double> number(int column) const {
    sqlite3_value* value = sqlite3_column_value(statement_, column);
    if (sqlite3_value_type(value) == SQLITE_NULL) return std::nullopt;
    return sqlite3_value_double(value);
  }
  std::string_view text(int column) const;  // valid until the next step()

 private:
  void begin();
  void bind_int(int index, std::int64_t value);

  // How much may be read before it is compared with the size of the file.
  static constexpr std::uint64_t kUncounted = std::uint64_t{1} << 20;

  SqliteDb* db_;
  sqlite3_stmt* statement_;
  mutable std::uint64_t read_ = 0;  // bytes, about
  std::uint64_t next_look_ = kUncounted;
};

// Not thread-safe: its owner has the mutex. Must not be used in a child after fork(), which is checked.
class SqliteDb {
 public:
  // Opens or creates the file. `name` is what messages call it. A transaction waits up to `busy_timeout` for the file.
  // Where there is a reason not to write, the file is opened to be read, and write() throws Error(kUnavailable) with
  // it.
  SqliteDb(const std::string& path, std::string name, std::chrono::milliseconds busy_timeout,
           std::string read_only = {});
  SqliteDb(const SqliteDb&) = delete;
  SqliteDb& operator=(const SqliteDb&) = delete;
  ~SqliteDb();

  const std::string& name() const { return name_; }
  const std::string& path() const { return path_; }
  bool is_read_only() const { return !read_only_.empty(); }

  // `sql` must be a string literal: the statement is kept under its text. Parameters are ?1, ?2, ...
  template <class... Args>
  SqliteQuery query(std::string_view sql, const Args&... args) {
    return SqliteQuery(*this, prepare(sql), args...);
  }
  // Runs a statement to its end; returns the number of rows that an INSERT, UPDATE or DELETE changed.
  template <class... Args>
  int run(std::string_view sql, const Args&... args) {
    SqliteQuery query(*this, prepare(sql), args...);
    while (query.step()) {
    }
    return sqlite3_changes(handle_);
  }
  std::int64_t last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }

  // One transaction, all or nothing. The body runs again from its start when the file was busy, so it must not leave
  // half-done effects elsewhere. Throws Error(kUnavailable) that says who holds the lock when the wait was in vain.
  // Survives the process; for a power cut see make_durable().
  template <class Body>
  auto write(Body&& body) {
    return transact(Mode::kWrite, std::forward<Body>(body));
  }
  // One consistent view of the file.
  template <class Body>
  auto read(Body&& body) {
    return transact(Mode::kRead, std::forward<Body>(body));
  }

  // What cannot stand in a transaction (VACUUM, a checkpoint, another journal mode), with the same patience.
  template <class Body>
  auto alone(Body&& body) {
    return transact(Mode::kAlone, std::forward<Body>(body));
  }

  // The last commit of this connection, for make_durable().
  std::uint64_t last_commit() const { return last_commit_; }
  // Returns when that commit survives a power cut, as far as `durability` says. From any thread, without the owner's
  // mutex: the others go on meanwhile.
  void make_durable(std::uint64_t commit, Durability durability) {
    if (wal_sync_) wal_sync_->reach(commit, durability);
  }

  // A number that grows with every commit of any process that this connection could see. Cheap: reads no page.
  std::int64_t version();
  // Makes the file a WAL file (it stays one). False when other users of the file did not let go of it in `patience`;
  // then every commit is durable by itself, with its syncs under the write lock.
  bool enable_wal(std::chrono::milliseconds patience);
  // Makes it a file with a rollback journal: log and shared memory are gone then. False as above.
  bool disable_wal(std::chrono::milliseconds patience);

  [[noreturn]] void fail(int code) const;
  // Throws Error(kCorrupt) when the file is too small for one statement to have read so many bytes of it.
  void check_room(std::uint64_t read) const;

 private:
  enum class Mode : std::uint8_t { kRead, kWrite, kAlone };

  // Holds the write gate, if there is one and it can be had.
  class Turn {
   public:
    Turn(SqliteDb& db, Mode mode)
        : gate_(mode != Mode::kRead && db.gate_ && db.gate_->enter(db.deadline_) ? &*db.gate_ : nullptr) {}
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;
    ~Turn() {
      if (gate_ != nullptr) gate_->leave();
    }

   private:
    WriteGate* gate_;
  };

  // When the gate is left again.
  struct Afterwards {
    Afterwards(SqliteDb& db, Mode mode) : db_(db), wrote_(mode != Mode::kRead) {}
    Afterwards(const Afterwards&) = delete;
    Afterwards& operator=(const Afterwards&) = delete;
    ~Afterwards() {
      if (wrote_ && db_.wal_checkpoint_) db_.wal_checkpoint_->run_if_due(*db_.gate_);
    }
    SqliteDb& db_;
    const bool wrote_;
  };

  friend class SqliteQuery;

  template <class Body>
  auto transact(Mode mode, Body&& body) -> std::invoke_result_t<Body&> {
    check_process();
    if (mode == Mode::kWrite) check_writable();
    look_at_file_again();
    deadline_ = std::chrono::steady_clock::now() + busy_timeout_;
    const FileSizeSignalHeld no_signal(mode != Mode::kRead);
    const Afterwards afterwards(*this, mode);
    const Turn turn(*this, mode);
    for (;;) {
      try {
        if (mode != Mode::kAlone) run(mode == Mode::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
        if constexpr (std::is_void_v<std::invoke_result_t<Body&>>) {
          body();
          if (mode != Mode::kAlone) commit();
          if (!disturbed()) return;
        } else {
          auto result = body();
          if (mode != Mode::kAlone) commit();
          if (!disturbed()) return result;
        }
      } catch (const SqliteBusy&) {
        rollback();
        give_up_or_wait();
        if (is_read_only()) connect_again();
      } catch (...) {
        rollback();
        if (!disturbed()) throw;
      }
    }
  }
  // Whether what was read meanwhile is to be read once more: somebody has written a file that was taken as it was. It
  // is open anew then.
  bool disturbed() {
    if (!immutable_ || !has_changed() || std::chrono::steady_clock::now() >= deadline_) return false;
    connect_again();
    return true;
  }
  void commit();
  void rollback() noexcept;
  void give_up_or_wait();
  void connect();
  // A file that nobody had open, in a folder that cannot be written, is read as if it never changed: SQLite does not
  // look at it again. Opens it anew when it has changed, or somebody has it open now.
  void look_at_file_again() {
    if (handle_ == nullptr || (immutable_ && has_changed())) connect_again();
  }
  bool has_changed() const;
  void connect_again();
  void check_process() const;
  void check_writable() const;
  // False when others did not let go of the file in `patience`.
  bool set_journal_mode(std::string_view pragma, std::string_view mode, std::chrono::milliseconds patience);
  sqlite3_stmt* prepare(std::string_view sql);
  static int on_busy(void* self, int count);

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  std::string path_;
  std::string name_;
  std::string read_only_;  // why nothing is written; empty: it may be
  sqlite3* handle_ = nullptr;
  bool immutable_ = false;
  struct stat seen_ {};                 // of one that is: when it was opened
  std::optional<SqliteBudget> budget_;  // of the statement that runs
  pid_t process_;
  std::chrono::milliseconds busy_timeout_;
  std::chrono::steady_clock::time_point deadline_;
  std::minstd_rand jitter_;
  std::optional<WriteGate> gate_;                // in WAL mode
  std::optional<WalSync> wal_sync_;              // in WAL mode
  std::optional<WalCheckpoint> wal_checkpoint_;  // in WAL mode
  std::uint64_t last_commit_ = 0;
  std::int64_t version_ = 0;
  std::int64_t data_version_ = -1;  // PRAGMA data_version: commits of other connections
  std::unordered_map<std::string_view, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

}  // namespace bluefin
