// SPDX-License-Identifier: MIT
#include "storage/journal_storage.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <mutex>

#include "bluefin/error.hpp"
#include "bluefin/rng.hpp"
#include "core/json_nlohmann.hpp"
#include "storage/file_path.hpp"
#include "storage/journal_file.hpp"
#include "storage/journal_records.hpp"
#include "storage/rules.hpp"
#include "storage/study_import.hpp"

namespace bluefin {
namespace {

// A change is decided, checked and appended while the file's lock is held, after everybody else's changes were read: so
// it is never passed over by a reader, and a batch is written whole or not at all.
class JournalStorage final : public Storage, public StudyImport {
 public:
  JournalStorage(const std::string& url, std::chrono::milliseconds patience)
      : JournalStorage(parse_journal_url(url), patience) {}

  std::string url() const override { return url_; }
  bool takes_background_writes() const override { return true; }

  StudyId create_study(const NewStudy& study) override {
    storage_rules::check_study(study);
    const std::lock_guard lock(mutex_);
    StudyId id{};
    change([&] {
      if (table().find_study(study.name)) throw storage_rules::study_exists(study.name);
      id = table().next_study();
      return lines_of(id, study);
    });
    return id;
  }

  StudyId import_study(const NewStudy& study, std::span<const FrozenTrial> trials, bool replace) override {
    storage_rules::check_study(study);
    for (const auto& trial : trials) storage_rules::check_trial(trial);
    StudyTable::check_new_trials(trials);
    const std::lock_guard lock(mutex_);
    StudyId id{};
    change([&] {
      const auto old = table().find_study(study.name);
      if (old && !replace) throw storage_rules::study_exists(study.name);
      id = table().next_study();
      std::vector<std::string> lines = lines_of(id, study);
      if (old) lines.insert(lines.begin(), writer_.delete_study(old->id));
      for (const auto& trial : trials) lines.push_back(writer_.add_trial(id, trial));
      return lines;
    });
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
    std::size_t before = 0;
    change([&] {
      table().check_trials(study, trials);
      before = table().n_trials(study);
      std::vector<std::string> lines;
      for (const auto& trial : trials) lines.push_back(writer_.add_trial(study, trial));
      return lines;
    });
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
        writer_(fmt::format("{:016x}-{}", random_seed(), ::getpid())) {
    sync();
  }

  static FileUrl parse_journal_url(const std::string& url) {
    FileUrl file = parse_file_url(url, "journal");
    if (file.url == url) return file;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("storage: '{}' has options behind the path, which are not supported; remove '?{}'", url,
                            file.options));
  }

  const StudyTable& table() const { return reader_.table(); }

  std::vector<std::string> lines_of(StudyId id, const NewStudy& study) const {
    std::vector<std::string> lines{writer_.create_study(study)};
    for (const auto& a : study.user_attrs) lines.push_back(writer_.set_study_attribute(id, AttributeKind::kUser, a));
    for (const auto& a : study.system_attrs) {
      lines.push_back(writer_.set_study_attribute(id, AttributeKind::kSystem, a));
    }
    return lines;
  }

  // A child has the same open file as its parent: a lock of the one would be the other's too.
  void check_process() const {
    if (::getpid() == process_) return;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: opened in process {} and used in its child {}; open the storage after fork()", url_,
                            process_, ::getpid()));
  }

  // What stands behind a line that is no record is not known: such a journal is not used any more.
  void sync() {
    check_process();
    if (!fault_.empty()) throw Error(ErrorCode::kCorrupt, fault_);
    try {
      for (const auto& line : file_.read()) reader_.apply(line);
    } catch (const Error& e) {
      if (e.code() == ErrorCode::kCorrupt) fault_ = e.what();
      throw;
    }
  }

  // `decide` sees everything that is in the file and gives the lines to append.
  template <class Decide>
  void change(const Decide& decide) {
    if (!read_only_.empty()) throw Error(ErrorCode::kUnavailable, fmt::format("{}: {}", url_, read_only_));
    check_process();
    const JournalFile::Lock lock(file_, patience_);
    sync();
    const std::vector<std::string> lines = decide();
    if (lines.empty()) return;
    // One line that cannot be read back would make the whole journal unreadable for good.
    for (const std::string& line : lines) {
      try {
        parse_python_json(line);
      } catch (const Error& e) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{}: an attribute cannot be kept in a journal: {}", url_, e.what()));
      }
    }
    file_.append(lines);
    sync();
  }

  const std::string url_;
  const std::chrono::milliseconds patience_;
  const pid_t process_ = ::getpid();
  const std::string read_only_;  // why nothing is written; empty: it may be
  std::mutex mutex_;             // guards everything below
  JournalFile file_;
  JournalReader reader_;
  JournalWriter writer_;
  std::string fault_;  // the first line that could not be read
};

}  // namespace

std::shared_ptr<Storage> open_journal_storage(const std::string& url, std::chrono::milliseconds patience) {
  return std::make_shared<JournalStorage>(url, patience);
}

}  // namespace bluefin
