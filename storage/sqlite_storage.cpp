// SPDX-License-Identifier: MIT
#include "storage/sqlite_storage.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "storage/rules.hpp"
#include "storage/sqlite_catch_up.hpp"
#include "storage/sqlite_db.hpp"
#include "storage/sqlite_reader.hpp"
#include "storage/sqlite_rows.hpp"
#include "storage/sqlite_schema.hpp"
#include "storage/sqlite_url.hpp"
#include "storage/sqlite_writer.hpp"
#include "storage/study_import.hpp"

namespace bluefin {
namespace {

// What makes a study the same one as before: SQLite gives the ids of deleted studies and trials out again, and a study
// may be put back as it was some time ago. The start of a finished trial never changes.
struct StudyIdentity {
  std::string name;
  std::int64_t first_trial = -1;  // counts until a finished one is known
  std::int64_t last_finished = -1;
  std::optional<Time> last_start;
  std::int64_t incarnation = 0;
};

class SqliteStorage final : public Storage, public StudyImport {
 public:
  SqliteStorage(const std::string& url, const SqliteOptions& options)
      : SqliteStorage(url, parse_sqlite_url(url), options) {}

  std::string url() const override { return url_; }
  bool takes_background_writes() const override { return true; }

  StudyId create_study(const NewStudy& study) override {
    storage_rules::check_study(study);
    return durably(Durability::kTrial, [&] {
      const StudyId made = db_.write([&] { return writer_.insert_study(study); });
      forget(made);  // the id may be that of one which others have deleted
      return made;
    });
  }

  StudyId import_study(const NewStudy& study, std::span<const FrozenTrial> trials, bool replace) override {
    storage_rules::check_study(study);
    for (const auto& trial : trials) storage_rules::check_trial(trial);
    return durably(Durability::kTrial, [&] {
      std::optional<StudyId> replaced;
      const StudyId id = db_.write([&] {
        replaced = replace ? writer_.study_id(study.name) : std::nullopt;
        if (replaced) writer_.delete_study(*replaced);
        // An id can be given anew, also that of the study which was just deleted.
        const StudyId made = writer_.insert_study(study);
        writer_.forget(made);
        writer_.add_trials(made, trials);
        return made;
      });
      if (replaced) forget(*replaced);
      identities_.erase(id);
      writer_.committed();
      return id;
    });
  }

  std::optional<StudyRecord> find_study(std::string_view name) override {
    const std::lock_guard lock(mutex_);
    return db_.read([&]() -> std::optional<StudyRecord> {
      const auto id = writer_.study_id(name);
      if (!id) return std::nullopt;
      // Whoever looks for a study by its name wants the one that is there now.
      if (const auto known = identities_.find(*id); known != identities_.end() && !is_same(*id, known->second)) {
        forget(*id);
      }
      return reader_.study(*id);
    });
  }

  StudyRecord get_study(StudyId study) override {
    const std::lock_guard lock(mutex_);
    auto record = db_.read([&] { return reader_.study(study); });
    if (!record) throw storage_rules::no_study(study);
    return std::move(*record);
  }

  std::vector<StudyRecord> list_studies() override {
    const std::lock_guard lock(mutex_);
    return db_.read([&] {
      std::vector<StudyId> ids;
      {
        auto query = db_.query("SELECT study_id FROM studies ORDER BY study_id");
        while (query.step()) ids.push_back(StudyId{query.integer(0)});
      }
      std::vector<StudyRecord> records;
      for (const StudyId id : ids) records.push_back(reader_.known_study(id));
      return records;
    });
  }

  void delete_study(StudyId study) override {
    durably(Durability::kTrial, [&] {
      db_.write([&] { writer_.delete_study(study); });
      forget(study);
      return true;
    });
  }

  void set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes) override {
    storage_rules::check_attributes(attributes);
    durably(Durability::kTrial, [&] {
      db_.write([&] {
        require_same(study);
        writer_.set_study_attributes(study, kind, attributes);
      });
      return true;
    });
  }

  FrozenTrial start_trial(StudyId study, const NewTrial& trial) override {
    storage_rules::check_attributes(trial.system_attrs);
    const std::lock_guard lock(mutex_);
    return db_.write([&] {
      require_same(study);
      return writer_.start_trial(study, trial);
    });
  }

  std::vector<FrozenTrial> add_trials(StudyId study, std::span<const FrozenTrial> trials) override {
    for (const auto& trial : trials) storage_rules::check_trial(trial);
    return durably(durability_, [&] {
      auto stored = db_.write([&] {
        require_same(study);
        return writer_.add_trials(study, trials);
      });
      writer_.committed();
      return stored;
    });
  }

  bool update_trial(StudyId study, const TrialUpdate& update) override {
    storage_rules::check_update(update);
    const auto write = [&] {
      const bool written = db_.write([&] { return writer_.update_trial(study, update); });
      writer_.committed();
      if (written) note_finished(study, update);
      return written;
    };
    // What a running trial has reported is not worth a sync: it is lost only with the trial's own process.
    if (update.state && is_finished(*update.state)) return durably(durability_, write);
    const std::lock_guard lock(mutex_);
    return write();
  }

  bool joins_finish_and_start() const override { return true; }
  FrozenTrial finish_and_start(StudyId study, const TrialUpdate& finished, const NewTrial& next) override {
    storage_rules::check_update(finished);
    storage_rules::check_attributes(next.system_attrs);
    return durably(durability_, [&] {
      FrozenTrial started = db_.write([&] {
        writer_.update_trial(study, finished);
        return writer_.start_trial(study, next);
      });
      writer_.committed();
      note_finished(study, finished);
      return started;
    });
  }

  std::optional<StoredTrial> find_trial(TrialId trial) override {
    const std::lock_guard lock(mutex_);
    return db_.read([&]() -> std::optional<StoredTrial> {
      StudyId study{};
      {
        auto query = db_.query("SELECT study_id FROM trials WHERE trial_id=?1", trial);
        if (!query.step()) return std::nullopt;
        study = StudyId{query.integer(0)};
      }
      return StoredTrial{study, reader_.known_trial(study, trial)};
    });
  }

  std::vector<LostTrial> lost_trials(StudyId study, std::optional<std::chrono::seconds> grace) override {
    const std::lock_guard lock(mutex_);
    return db_.read([&] { return writer_.lost_trials(study, grace); });
  }

  std::vector<FrozenTrial> fail_lost_trials(StudyId study, int retry,
                                            std::optional<std::chrono::seconds> grace) override {
    if (lost_trials(study, grace).empty()) return {};
    return durably(durability_, [&] {
      auto failed = db_.write([&] { return writer_.fail_lost_trials(study, retry, grace); });
      writer_.committed();
      return failed;
    });
  }

  void record_heartbeat(TrialId trial) override {
    const std::lock_guard lock(mutex_);
    db_.write([&] { writer_.record_heartbeat(trial); });
  }

  std::vector<TrialId> stale_trials(StudyId study, std::chrono::seconds grace) override {
    const std::lock_guard lock(mutex_);
    return db_.read([&] { return writer_.stale_trials(study, grace); });
  }

  std::string left_out(StudyId study) override {
    const std::lock_guard lock(mutex_);
    return db_.read([&] { return reader_.rows().left_out(study); });
  }

  Changes changes_since(StudyId study, StorageCursor& cursor) override {
    const std::lock_guard lock(mutex_);
    // Taken before the read: what is committed in between is read now, and once more looked for next time.
    const std::int64_t version = db_.version();
    if (version == (cursor.whole ? cursor.whole_version : cursor.version)) return {};
    std::sort(cursor.told.begin(), cursor.told.end());
    StorageCursor next;
    Changes changes = db_.read([&] {
      next = cursor;
      next.incarnation = identify(study, cursor.incarnation);
      std::vector<FrozenTrialPtr> trials = cursor.unfinished;
      if (cursor.whole || cursor.rows.empty() || !catch_up_.hold(cursor.rows) ||
          !catch_up_.read(study, cursor.last_trial, cursor.told, next.rows, trials)) {
        trials = read_whole(study, cursor);
        next.rows.clear();
      }
      Changes news;
      news.any = true;
      for (auto& trial : trials) {
        next.last_trial = std::max(next.last_trial, static_cast<std::int64_t>(trial->id));
        (is_finished(trial->state) ? news.finished : news.unfinished).push_back(std::move(trial));
      }
      if (next.rows.empty() && !news.unfinished.empty()) next.rows = catch_up_.ends(study);
      return news;
    });
    for (const auto& trial : changes.finished) note_finished(study, trial->id, trial->datetime_start);
    next.version = version;
    if (cursor.whole) next.whole_version = version;
    if (!cursor.told.empty()) {
      next.last_trial = std::max(next.last_trial, static_cast<std::int64_t>(cursor.told.back()));
    }
    next.unfinished = changes.unfinished;
    next.told.clear();
    cursor = std::move(next);
    return changes;
  }

 private:
  SqliteStorage(const std::string& given, const SqliteUrl& url, const SqliteOptions& options)
      : url_(given),
        durability_(options.durability),
        db_(url.file.path, url.file.url, options.busy_timeout, read_only_reason(url)),
        reader_(db_),
        catch_up_(db_, reader_),
        writer_(db_, reader_) {
    const bool complete = has_schema(db_);  // first of all: another program's file is not to be changed
    if (db_.is_read_only()) {
      if (!db_.read([&] { return missing_tables(db_); }).empty()) ensure_schema(db_);  // says why it cannot
      return;
    }
    constexpr std::chrono::seconds kPatience{2};
    const auto patience = std::min<std::chrono::milliseconds>(kPatience, options.busy_timeout);
    if (url.rollback_journal) {
      // Whoever asks for this may have the file where a log would damage it.
      if (!db_.disable_wal(patience)) {
        throw Error(ErrorCode::kUnavailable,
                    fmt::format("{}: journal=delete: others have the file open with a write-ahead log; stop them, or "
                                "have them use the same option",
                                url.file.url));
      }
    } else if (!db_.enable_wal(patience)) {
      // Someone is reading or writing the file in the old mode right now; it works in that mode too, only slower.
      log(LogLevel::kInfo, fmt::format("{}: in use without a write-ahead log, going on without one", url.file.url));
    }
    if (!complete) ensure_schema(db_);
  }

  // What `work` has committed when it returns survives a power cut. The sync is made without the mutex, so that the
  // other threads go on. Studies and their attributes are always worth one; they are few.
  template <class Work>
  auto durably(Durability durability, Work&& work) -> std::invoke_result_t<Work&> {
    std::unique_lock lock(mutex_);
    auto result = work();
    const std::uint64_t commit = db_.last_commit();
    lock.unlock();
    db_.make_durable(commit, durability);
    return result;
  }

  // The trials that had not finished as they are now, and those that are new.
  std::vector<FrozenTrialPtr> read_whole(StudyId study, const StorageCursor& cursor) {
    std::vector<FrozenTrialPtr> trials;
    for (const auto& before : cursor.unfinished) {
      if (std::binary_search(cursor.told.begin(), cursor.told.end(), before->id)) continue;
      auto trial = reader_.trial(study, before->id);
      if (!trial) throw storage_rules::study_gone(study);  // single trials are never deleted
      trials.push_back(std::make_shared<const FrozenTrial>(std::move(*trial)));
    }
    for (auto& trial : reader_.trials_after(study, cursor.last_trial, cursor.told)) trials.push_back(std::move(trial));
    return trials;
  }

  // Whether the study of this id is the one that is known. Two looks at pages that a write needs anyway.
  bool is_same(StudyId study, const StudyIdentity& known) {
    {
      auto query = db_.query("SELECT study_name FROM studies WHERE study_id=?1", study);
      if (!query.step() || query.text(0) != known.name) return false;
    }
    if (known.last_finished >= 0) {
      auto query =
          db_.query("SELECT datetime_start FROM trials WHERE trial_id=?1 AND study_id=?2", known.last_finished, study);
      return query.step() && read_time(db_, query, 0, known.last_finished, "datetime_start") == known.last_start;
    }
    return known.first_trial < 0 || known.first_trial == first_trial(study);
  }

  std::int64_t first_trial(StudyId study) {
    auto query = db_.query("SELECT trial_id FROM trials WHERE study_id=?1 ORDER BY trial_id LIMIT 1", study);
    return query.step() ? query.integer(0) : -1;
  }

  void note_finished(StudyId study, TrialId trial, std::optional<Time> start) {
    const auto known = identities_.find(study);
    if (known == identities_.end() || static_cast<std::int64_t>(trial) <= known->second.last_finished) return;
    known->second.last_finished = static_cast<std::int64_t>(trial);
    known->second.last_start = start;
  }
  void note_finished(StudyId study, const TrialUpdate& update) {
    if (update.state && is_finished(*update.state) && update.began) note_finished(study, update.id, update.began);
  }

  void forget(StudyId study) {
    writer_.forget(study);
    identities_.erase(study);
  }

  // Inside of a transaction that writes. Throws Error(kNotFound) when the study that was read here is gone or is
  // another one under the same id, also when a read has said so before. Two looks, 3 us.
  void require_same(StudyId study) {
    const auto known = identities_.find(study);
    if (known != identities_.end() && !is_same(study, known->second)) throw storage_rules::study_gone(study);
  }

  // The study's incarnation now. `expected` 0: the first call of a cursor. Throws Error(kNotFound) when the study is
  // gone or is another one under the same id.
  std::int64_t identify(StudyId study, std::int64_t expected) {
    const auto known = identities_.find(study);
    const bool same = known != identities_.end() && is_same(study, known->second);
    // The identity stays: whoever holds the one that is gone is to write nothing into this one. find_study() begins
    // anew.
    if (expected != 0 && (!same || expected != known->second.incarnation)) throw storage_rules::study_gone(study);
    if (same) return known->second.incarnation;
    if (known != identities_.end()) forget(study);
    StudyIdentity now;
    {
      auto query = db_.query("SELECT study_name FROM studies WHERE study_id=?1", study);
      if (!query.step()) throw storage_rules::no_study(study);
      now.name = query.text(0);
    }
    now.first_trial = first_trial(study);
    now.incarnation = ++last_incarnation_;
    return (identities_[study] = std::move(now)).incarnation;
  }

  const std::string url_;
  const Durability durability_;
  std::mutex mutex_;  // guards everything below
  SqliteDb db_;
  SqliteReader reader_;
  SqliteCatchUp catch_up_;
  SqliteWriter writer_;
  std::unordered_map<StudyId, StudyIdentity> identities_;
  std::int64_t last_incarnation_ = 0;
};

}  // namespace

std::shared_ptr<Storage> open_sqlite_storage(const std::string& url, const SqliteOptions& options) {
  return std::make_shared<SqliteStorage>(url, options);
}

}  // namespace bluefin
