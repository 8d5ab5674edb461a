// SPDX-License-Identifier: MIT
#include "storage/journal_storage.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <mutex>

#include "bluefin/error.hpp"
#include "bluefin/rng.hpp"
#include "core/json_nlohmann.hpp"
#include "storage/file_path.hpp"
#include "storage/journal_batch.hpp"
#include "storage/journal_file.hpp"
#include "storage/journal_records.hpp"
#include "storage/rules.hpp"
#include "storage/study_import.hpp"

namespace bluefin {
namespace {

// A change is decided, checked and appended while the file's lock is held, after everybody else's changes were read: so
// it is never passed over by a reader. What would be of no use by halves is a JournalBatch.
class JournalStorage final : public Storage, public StudyImport {
 public:
  JournalStorage(const std::string& url, std::chrono::milliseconds patience)
      : JournalStorage(parse_journal_url(url), patience) {}

  std::string url() const override { return url_; }
  bool takes_background_writes() const override { return true; }

  StudyId create_study(const NewStudy& study) override {
    storage_rules::check_study(study);
    const std::lock_guard lock(mutex_);
    const Turn turn(*this, patience_);
    if (table().find_study(study.name)) throw storage_rules::study_exists(study.name);
    const StudyId id = table().next_study();
    if (study.user_attrs.empty() && study.system_attrs.empty()) {
      append({writer_.create_study(study)});
    } else {
      JournalBatch batch(file_, id);
      put_study(batch, id, study);
      commit(batch);
    }
    return id;
  }

  StudyId import_study(const NewStudy& study, std::span<const FrozenTrial> trials, bool replace) override {
    storage_rules::check_study(study);
    for (const auto& trial : trials) storage_rules::check_trial(trial);
    StudyTable::check_new_trials(trials);
    const std::lock_guard lock(mutex_);
    const Turn turn(*this, patience_);
    const auto old = table().find_study(study.name);
    if (old && !replace) throw storage_rules::study_exists(study.name);
    const StudyId id = table().next_study();
    JournalBatch batch(file_, id);
    if (old) batch.put(writer_.delete_study(old->id));
    put_study(batch, id, study);
    for (const auto& trial : trials) put(batch, writer_.add_trial(id, trial));
    commit(batch);
    return id;
  }

  std::optional<StudyRecord> find_study(std::string_view name) override {
    const std::lock_guard lock(mutex_);
    sync();
    return table().find_study(name);
  }
  StudyRecord get_study(StudyId study) override {
    const std::lock_guard lock(mutex_);
    sync();
    return table().get_study(study);
  }
  std::vector<StudyRecord> list_studies() override {
    const std::lock_guard lock(mutex_);
    sync();
    return table().list_studies();
  }
  void delete_study(StudyId study) override {
    const std::lock_guard lock(mutex_);
    change([&] {
      table().get_study(study);
      return std::vector{writer_.delete_study(study)};
    });
  }
  void set_study_attributes(StudyId study, AttributeKind kind, std::span<const Attribute> attributes) override {
    storage_rules::check_attributes(attributes);
    const std::lock_guard lock(mutex_);
    change([&] {
      table().get_study(study);
      std::vector<std::string> lines;
      for (const auto& a : attributes) lines.push_back(writer_.set_study_attribute(study, kind, a));
      return lines;
    });
  }

  FrozenTrial start_trial(StudyId study, const NewTrial& trial) override {
    storage_rules::check_attributes(trial.system_attrs);
    const std::lock_guard lock(mutex_);
    std::optional<TrialId> waiting;
    FrozenTrial fresh;
    change([&] {
      waiting = table().first_waiting(study);
      if (waiting) {
        return writer_.update_trial(
            {.id = *waiting, .system_attrs = trial.system_attrs, .state = TrialState::kRunning});
      }
      fresh.datetime_start = now();
      for (const auto& a : trial.system_attrs) set_attribute(fresh.system_attrs, a.key, a.value);
      return std::vector{writer_.add_trial(study, fresh)};
    });
    if (waiting) return table().get_trial(study, *waiting);
    return table().trials(study, table().n_trials(study) - 1, 1).front();
  }
  std::vector<FrozenTrial> add_trials(StudyId study, std::span<const FrozenTrial> trials) override {
    for (const auto& trial : trials) storage_rules::check_trial(trial);
    const std::lock_guard lock(mutex_);
    const Turn turn(*this, patience_);
    table().check_trials(study, trials);
    const std::size_t before = table().n_trials(study);
    if (trials.size() == 1) {
      append({writer_.add_trial(study, trials[0])});
    } else if (!trials.empty()) {
      JournalBatch batch(file_, std::nullopt);
      for (const auto& trial : trials) put(batch, writer_.add_trial(study, trial));
      commit(batch);
    }
    return table().trials(study, before, trials.size());
  }
  bool update_trial(StudyId study, const TrialUpdate& update) override {
    storage_rules::check_update(update);
    const std::lock_guard lock(mutex_);
    bool written = false;
    change([&] {
      written = table().check_update(study, update);
      return written ? writer_.update_trial(update) : std::vector<std::string>{};
    });
    return written;
  }
  std::optional<StoredTrial> find_trial(TrialId trial) override {
    const std::lock_guard lock(mutex_);
    sync();
    return table().find_trial(trial);
  }
  std::string left_out(StudyId study) override {
    const std::lock_guard lock(mutex_);
    sync();
    return table().left_out(study);
  }
  Changes changes_since(StudyId study, StorageCursor& cursor) override {
    const std::lock_guard lock(mutex_);
    sync();
    return table().changes_since(study, cursor);
  }

 private:
  JournalStorage(const FileUrl& file, std::chrono::milliseconds patience)
      : url_(file.url),
        patience_(patience),
        read_only_(read_only_reason(file)),
        file_(file.path, !read_only_.empty()),
        writer_(fmt::format("{:016x}-{:07}", random_seed(), ::getpid())) {
    complete_batch();
    sync();
  }

  static FileUrl parse_journal_url(const std::string& url) {
    FileUrl file = parse_file_url(url, "journal");
    if (file.url == url) return file;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("storage: '{}' has options behind the path, which are not supported; remove '?{}'", url,
                            file.options));
  }

  // The lock, with everything read that is in the file.
  struct Turn {
    Turn(JournalStorage& storage, std::chrono::milliseconds patience) : lock(storage.file_to_write(), patience) {
      settle_batch(storage.file_, [&] {
        storage.sync(/*with_pending=*/true);
        return storage.table().next_study();
      });
      storage.sync();
    }
    const JournalFile::Lock lock;
  };

  const StudyTable& table() const { return reader_->table(); }

  // A child has the same open file as its parent: a lock of the one would be the other's too.
  void check_process() const {
    if (::getpid() == process_) return;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: opened in process {} and used in its child {}; open the storage after fork()", url_,
                            process_, ::getpid()));
  }

  const JournalFile& file_to_write() const {
    if (!read_only_.empty()) throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", url_, read_only_));
    check_process();
    return file_;
  }

  // A batch of a process that was killed: Optuna sees a part of it until somebody does this. Who is at work just now,
  // or a disk that is full, is no reason not to open the file.
  void complete_batch() {
    if (!read_only_.empty() || !find_pending(file_.pending_path(), file_.descriptor())) return;
    try {
      const Turn turn(*this, std::chrono::milliseconds(0));
    } catch (const Error& e) {
      if (e.code() != ErrorCode::kUnavailable) throw;
    }
  }

  // What stands behind a line that is no record is not known: the call fails, and the next one begins with the first
  // line again.
  void sync(bool with_pending = false) {
    check_process();
    std::unique_ptr<JournalReader> fresh;
    const auto apply = [&](std::string_view line) { (fresh ? *fresh : *reader_).apply(line); };
    try {
      file_.read(
          apply, [&] { fresh = std::make_unique<JournalReader>(); }, with_pending);
      if (!fresh) return;
      if (!fresh->take_place_of(*reader_)) {
        throw Error(
            ErrorCode::kCorrupt,
            fmt::format("journal {}: it has become shorter or was replaced while it was in use; put it back, or "
                        "open it again",
                        file_.path()));
      }
      reader_ = std::move(fresh);
    } catch (...) {
      file_.start_over();
      throw;
    }
  }

  // `decide` sees everything that is in the file and gives the lines to append.
  template <class Decide>
  void change(const Decide& decide) {
    const Turn turn(*this, patience_);
    append(decide());
  }

  void append(const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    for (const std::string& line : lines) check_line(line);
    file_.append(lines);
    sync();
  }

  void put(JournalBatch& batch, const std::string& line) const {
    check_line(line);
    batch.put(line);
  }

  void put_study(JournalBatch& batch, StudyId id, const NewStudy& study) const {
    put(batch, writer_.create_study(study));
    batch.study_is_made();
    for (const auto& a : study.user_attrs) put(batch, writer_.set_study_attribute(id, AttributeKind::kUser, a));
    for (const auto& a : study.system_attrs) put(batch, writer_.set_study_attribute(id, AttributeKind::kSystem, a));
  }

  void commit(JournalBatch& batch) {
    batch.commit();
    sync();
  }

  // One line that cannot be read back would make the whole journal unreadable for good.
  void check_line(const std::string& line) const {
    try {
      parse_python_json(line);
    } catch (const Error& e) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: an attribute cannot be kept in a journal: {}", url_, e.what()));
    }
  }

  const std::string url_;
  const std::chrono::milliseconds patience_;
  const pid_t process_ = ::getpid();
  const std::string read_only_;  // why nothing is written; empty: it may be
  std::mutex mutex_;             // guards everything below
  JournalFile file_;
  std::unique_ptr<JournalReader> reader_ = std::make_unique<JournalReader>();
  JournalWriter writer_;
};

}  // namespace

std::shared_ptr<Storage> open_journal_storage(const std::string& url, std::chrono::milliseconds patience) {
  return std::make_shared<JournalStorage>(url, patience);
}

}  // namespace bluefin
