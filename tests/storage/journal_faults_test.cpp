// SPDX-License-Identifier: MIT
// A journal whose writer is killed in the middle of a write, whose disk takes no more or fails, whose readers saw what
// was taken back, and whose writers have forked.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <optional>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/storage.hpp"
#include "catch.hpp"
#include "file_contents.hpp"
#include "param_spec.hpp"
#include "storage/journal_file.hpp"
#include "storage/quiet.hpp"
#include "storage/study_import.hpp"
#include "storage/temp_dir.hpp"

using namespace bluefin;
using test::append;
using test::contents;
using test::float_spec;
using test::Quiet;

namespace {

namespace fs = std::filesystem;

// The status of a child that does this.
template <class Work>
int in_child(const Work& work) {
  const pid_t pid = fork();
  if (pid == 0) {
    try {
      work();
    } catch (...) {
      _exit(1);
    }
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  return status;
}

void limit_file_size(std::uintmax_t bytes) {
  rlimit limit{};
  getrlimit(RLIMIT_FSIZE, &limit);
  limit.rlim_cur = bytes;
  setrlimit(RLIMIT_FSIZE, &limit);
}

void die_at_file_size(std::uintmax_t bytes) {
  // A handler of the program's own is called in the middle of bluefin's writes.
  signal(SIGXFSZ, [](int) { kill(getpid(), SIGKILL); });
  limit_file_size(bytes);
}

WholeStudy whole_study(const std::string& name, int n_trials, double value) {
  WholeStudy whole;
  whole.study = {.name = name,
                 .directions = {Direction::kMinimize},
                 .user_attrs = {{"who", Json("me")}},
                 .system_attrs = {{"bluefin:config", Json(1)}}};
  const ParamSpecPtr spec = float_spec("x");
  for (int i = 0; i < n_trials; ++i) {
    FrozenTrial trial;
    trial.number = i;
    trial.state = TrialState::kComplete;
    trial.values = {value};
    trial.params = {{spec, 0.5}};
    trial.datetime_start = trial.datetime_complete = now();
    whole.trials.push_back(trial);
  }
  return whole;
}

// The values of all trials; nothing: there is no such study.
std::optional<std::vector<double>> values_of(Storage& storage, const std::string& name) {
  const auto study = storage.find_study(name);
  if (!study) return std::nullopt;
  CHECK(study->user_attrs.size() == 1);
  CHECK(study->system_attrs.size() == 1);
  std::vector<double> values;
  for (const FrozenTrial& trial : read_whole_study(storage, *study).trials) values.push_back(trial.values.at(0));
  return values;
}

constexpr int kOld = 150;
constexpr int kNew = 100;
const std::vector<double> kOldValues(kOld, 1.0);
const std::vector<double> kNewValues(kNew, 2.0);

// A journal with a study, and one where that was replaced: how many bytes that takes.
struct Journal {
  Journal() {
    write_whole_study(*open_storage(dir.journal_url()), whole_study("s", kOld, 1.0));
    size = fs::file_size(path());
    fs::copy_file(path(), dir.file("other.log"));
    write_whole_study(*open_storage(dir.journal_url("other.log")), whole_study("s", kNew, 2.0), true);
    batch = fs::file_size(dir.file("other.log")) - size;
    REQUIRE(size > batch + 1000);  // the limit of a file's size is to strike in the journal
  }
  std::string path() const { return dir.file("study.log"); }
  std::string pending() const { return path() + ".pending"; }
  // By a process that is killed when the journal has so many bytes.
  void replace_until(std::uintmax_t bytes) const {
    const int status = in_child([&] {
      die_at_file_size(bytes);
      write_whole_study(*open_storage(dir.journal_url()), whole_study("s", kNew, 2.0), true);
    });
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(WTERMSIG(status) == SIGKILL);
  }

  test::TempDir dir;
  Quiet quiet;
  std::uintmax_t size = 0;
  std::uintmax_t batch = 0;
};

// From now on this system call of this process fails. False: the system does not allow it.
bool let_fail(long call, int error) {
  const std::array<sock_filter, 4> rules{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<__u32>(call), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<__u32>(error)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog program{rules.size(), const_cast<sock_filter*>(rules.data())};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

}  // namespace

TEST_CASE("a study that is written into a journal is there whole or not at all, wherever its writer is killed",
          "[storage][journal][processes]") {
  const Journal journal;
  const auto reader = open_storage(journal.dir.journal_url());
  const std::uintmax_t n = journal.batch;
  const std::uintmax_t cut = GENERATE_COPY(std::uintmax_t{1}, n / 100, n / 3, n / 2, n - 1);
  CAPTURE(n, cut);
  journal.replace_until(journal.size + cut);
  REQUIRE(fs::file_size(journal.path()) == journal.size + cut);
  REQUIRE(fs::exists(journal.pending()));
  CHECK(values_of(*reader, "s") == kOldValues);  // not a part of the other one

  const auto next = open_storage(journal.dir.journal_url());
  CHECK(values_of(*next, "s") == kNewValues);
  CHECK(values_of(*reader, "s") == kNewValues);
  CHECK(fs::file_size(journal.path()) == journal.size + n);
  CHECK_FALSE(fs::exists(journal.pending()));
  const StudyId study = next->find_study("s")->id;
  CHECK(next->start_trial(study, {}).number == kNew);
  CHECK(contents(journal.path()).find("\n\n") == std::string::npos);
}

TEST_CASE("a writer that has the journal open completes what another one was killed in",
          "[storage][journal][processes]") {
  const Journal journal;
  const auto writer = open_storage(journal.dir.journal_url());
  journal.replace_until(journal.size + journal.batch / 2);
  writer->create_study({.name = "t", .directions = {Direction::kMinimize}});
  CHECK(values_of(*writer, "s") == kNewValues);
  CHECK(writer->list_studies().size() == 2);
}

TEST_CASE("a writer that is killed before it appends anything leaves nothing", "[storage][journal][processes]") {
  const Journal journal;
  const std::string before = contents(journal.path());
  journal.replace_until(journal.batch / 2);  // in the pending file
  REQUIRE(fs::exists(journal.pending()));
  CHECK(values_of(*open_storage(journal.dir.journal_url()), "s") == kOldValues);
  CHECK(contents(journal.path()) == before);
  const auto writer = open_storage(journal.dir.journal_url());
  CHECK(writer->start_trial(writer->find_study("s")->id, {}).number == kOld);
  CHECK_FALSE(fs::exists(journal.pending()));
}

TEST_CASE("trials that are added at once are all there or none, wherever their writer is killed",
          "[storage][journal][processes]") {
  const Journal journal;
  const auto added = whole_study("s", kNew, 2.0).trials;
  const int status = in_child([&] {
    die_at_file_size(journal.size + journal.batch / 2);
    const auto storage = open_storage(journal.dir.journal_url());
    storage->add_trials(storage->find_study("s")->id, added);
  });
  REQUIRE(WIFSIGNALED(status));
  const auto storage = open_storage(journal.dir.journal_url());
  CHECK(values_of(*storage, "s")->size() == kOld + kNew);
}

TEST_CASE("a study that does not fit on the disk leaves nothing in a journal", "[storage][journal][processes]") {
  const Journal journal;
  const std::string before = contents(journal.path());
  // In the journal, and in the pending file.
  for (const std::uintmax_t limit : {journal.size + journal.batch / 2, journal.batch / 2}) {
    const int status = in_child([&] {
      signal(SIGXFSZ, SIG_DFL);
      const auto storage = open_storage(journal.dir.journal_url());
      limit_file_size(limit);
      std::string error;
      try {
        write_whole_study(*storage, whole_study("s", kNew, 2.0), true);
      } catch (const Error& e) {
        error = e.what();
      }
      if (error.find("File too large") == std::string::npos) _exit(2);
      limit_file_size(RLIM_INFINITY);
      write_whole_study(*storage, whole_study("t", 3, 2.0));  // it goes on
    });
    REQUIRE(status == 0);
    CHECK_FALSE(fs::exists(journal.pending()));
    const std::string after = contents(journal.path());
    REQUIRE(after.substr(0, before.size()) == before);
    CHECK(after.find(R"("op_code": 1,)", before.size()) == std::string::npos);
    fs::resize_file(journal.path(), before.size());
  }
}

TEST_CASE("what others have written behind half a study stays, and the study becomes whole",
          "[storage][journal][processes]") {
  const Journal journal;
  journal.replace_until(journal.size + journal.batch / 2);
  // As Optuna writes, which knows no pending file; the half line is not there.
  const std::string text = contents(journal.path());
  fs::resize_file(journal.path(), text.rfind('\n') + 1);
  append(journal.path(), "{\"op_code\":0,\"worker_id\":\"w\",\"study_name\":\"theirs\",\"directions\":[1]}\n");
  const auto storage = open_storage(journal.dir.journal_url());
  CHECK(values_of(*storage, "s") == kNewValues);
  CHECK(storage->find_study("theirs").has_value());
}

TEST_CASE("a study whose id was given to another one after its writer was killed is not there",
          "[storage][journal][processes]") {
  const Journal journal;
  journal.replace_until(journal.size + 1);
  fs::resize_file(journal.path(), journal.size);
  append(journal.path(), "{\"op_code\":0,\"worker_id\":\"w\",\"study_name\":\"theirs\",\"directions\":[1]}\n");
  const auto storage = open_storage(journal.dir.journal_url());
  CHECK(values_of(*storage, "s") == kOldValues);
  CHECK(storage->find_study("theirs").has_value());
  CHECK_FALSE(fs::exists(journal.pending()));
}

TEST_CASE("a pending file that is none, or another journal's, is removed", "[storage][journal]") {
  const Journal journal;
  journal.replace_until(journal.size + journal.batch / 2);
  fs::resize_file(journal.path(), journal.size);
  const std::string whole = contents(journal.pending());
  const std::string before = contents(journal.path());
  std::string torn = whole;
  torn.replace(torn.size() / 2, 20, 20, '\0');
  for (const std::string& pending : {std::string(), std::string("text"), whole.substr(0, whole.size() - 1), torn}) {
    std::ofstream(journal.pending(), std::ios::binary) << pending;
    CHECK(values_of(*open_storage(journal.dir.journal_url()), "s") == kOldValues);
    const auto writer = open_storage(journal.dir.journal_url());
    CHECK_THROWS_AS(writer->create_study({.name = "s", .directions = {Direction::kMinimize}}), Error);
    CHECK_FALSE(fs::exists(journal.pending()));
    CHECK(contents(journal.path()) == before);
  }
  // Of the same journal in another state: something else stands where the batch began.
  std::string other = before;
  other.replace(other.rfind("2.0") == std::string::npos ? other.rfind("1.0") : other.rfind("2.0"), 3, "7.0");
  std::ofstream(journal.path(), std::ios::binary) << other;
  std::ofstream(journal.pending(), std::ios::binary) << whole;
  CHECK(values_of(*open_storage(journal.dir.journal_url()), "s")->size() == kOld);
  CHECK_FALSE(fs::exists(journal.pending()));
  CHECK(contents(journal.path()) == other);
}

TEST_CASE("a reader that saw what a writer took back goes on", "[storage][journal]") {
  const test::TempDir dir;
  const auto writer = open_storage(dir.journal_url());
  const StudyId study = writer->create_study({.name = "s", .directions = {Direction::kMinimize}});
  const TrialId trial = writer->start_trial(study, {}).id;
  const std::uintmax_t size = fs::file_size(dir.file("study.log"));
  const auto reader = open_storage(dir.journal_url());
  StorageCursor cursor;
  REQUIRE(reader->changes_since(study, cursor).unfinished.size() == 1);
  // Two lines and a half of a trial's end, which the disk has no room for.
  append(dir.file("study.log"),
         "{\"op_code\": 7, \"worker_id\": \"w\", \"trial_id\": 0, \"step\": 1, \"intermediate_value\": 5.0}\n"
         "{\"op_code\": 8, \"worker_id\": \"w\", \"trial_id\": 0, \"user_attr\": {\"a\": 1}}\n"
         "{\"op_code\": 6, \"worker_id\": \"w\", \"tri");
  REQUIRE(reader->changes_since(study, cursor).unfinished.at(0)->reports.size() == 1);
  fs::resize_file(dir.file("study.log"), size);
  const bool is_longer = GENERATE(false, true);
  if (is_longer) {  // than when the reader looked: it would begin in the middle of a line
    writer->update_trial(study, {.id = trial,
                                 .reports = {{2, 7.0}},
                                 .user_attrs = {{"text", Json(std::string(500, 'x'))}},
                                 .system_attrs = {{"more", Json(std::string(5000, 'y'))}}});
  }
  const Changes changes = reader->changes_since(study, cursor);
  CHECK(changes.any);
  REQUIRE(changes.unfinished.size() == 1);
  CHECK(changes.unfinished[0]->reports.size() == (is_longer ? 1 : 0));
  if (is_longer) CHECK(changes.unfinished[0]->reports[0].step == 2);
  CHECK(changes.unfinished[0]->user_attrs.size() == (is_longer ? 1 : 0));
  reader->update_trial(study, {.id = trial, .state = TrialState::kComplete, .values = {1.0}});
  CHECK(writer->find_trial(trial)->trial.state == TrialState::kComplete);
  StorageCursor writers;
  CHECK(writer->changes_since(study, writers).finished.size() == 1);
}

TEST_CASE("a reader goes on when a journal with a fault is good again", "[storage][journal]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  const StudyId study = storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  storage->start_trial(study, {});
  StorageCursor cursor;
  REQUIRE(storage->changes_since(study, cursor).unfinished.size() == 1);
  const std::string good = contents(dir.file("study.log"));
  SECTION("a line that is none") {
    append(dir.file("study.log"), std::string(100, '\0') + "\n");
    CHECK_THROWS_WITH(storage->list_studies(), ContainsSubstring("journal, record 2: "));
    CHECK_THROWS_AS(storage->start_trial(study, {}), Error);
    fs::resize_file(dir.file("study.log"), good.size());
  }
  SECTION("a part of it is gone") {
    fs::resize_file(dir.file("study.log"), good.size() - 20);
    CHECK_THROWS_WITH(storage->list_studies(), ContainsSubstring("become shorter or was replaced"));
    CHECK_THROWS_AS(storage->start_trial(study, {}), Error);
    std::ofstream(dir.file("study.log"), std::ios::binary) << good;
  }
  SECTION("it is another one") {
    std::ofstream(dir.file("study.log"), std::ios::binary)
        << R"({"op_code": 0, "worker_id": "w", "study_name": "t", "directions": [1]})"
        << "\n"
        << R"({"op_code": 4, "worker_id": "w", "study_id": 0})"
        << "\n" + std::string(500, ' ');
    CHECK_THROWS_WITH(storage->list_studies(), ContainsSubstring("become shorter or was replaced"));
    std::ofstream(dir.file("study.log"), std::ios::binary) << good;
  }
  CHECK(storage->list_studies().size() == 1);
  CHECK(storage->start_trial(study, {}).number == 1);
  CHECK(storage->changes_since(study, cursor).unfinished.size() == 2);
}

TEST_CASE("a journal is written no more once the disk did not confirm, until it is opened anew",
          "[storage][journal][processes]") {
  const test::TempDir dir;
  {
    const auto storage = open_storage(dir.journal_url());
    storage->start_trial(storage->create_study({.name = "s", .directions = {Direction::kMinimize}}), {});
  }
  constexpr int kNotAllowed = 77;
  const int status = in_child([&] {
    const auto storage = open_storage(dir.journal_url());
    const StudyId study = storage->find_study("s")->id;
    if (!let_fail(SYS_fdatasync, EIO)) _exit(kNotAllowed);
    std::vector<std::uintmax_t> sizes;
    for (int i = 0; i < 3; ++i) {
      try {
        storage->start_trial(study, {});
        _exit(2);
      } catch (const Error& e) {
        const std::string what = e.what();
        if (e.code() != ErrorCode::kUnavailable || what.find("did not confirm") == std::string::npos ||
            what.find("Input/output error") == std::string::npos) {
          _exit(3);
        }
      }
      sizes.push_back(fs::file_size(dir.file("study.log")));
    }
    if (sizes[1] != sizes[0] || sizes[2] != sizes[0]) _exit(4);
    if (!storage->find_trial(TrialId{0})) _exit(5);  // it is read
    try {                                            // nor a batch
      write_whole_study(*storage, whole_study("t", 10, 1.0));
      _exit(6);
    } catch (const Error&) {
    }
    if (fs::file_size(dir.file("study.log")) != sizes[0] || fs::exists(dir.file("study.log.pending"))) _exit(7);
  });
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotAllowed) {
    WARN("no seccomp filters here");
    return;
  }
  REQUIRE(status == 0);
  const auto storage = open_storage(dir.journal_url());
  CHECK(storage->start_trial(StudyId{0}, {}).number == 2);  // the one that was not confirmed is there
}

TEST_CASE("the folder of a new journal is on the disk when the first call returns", "[storage][journal][processes]") {
  const test::TempDir dir;
  constexpr int kNotAllowed = 77;
  const int status = in_child([&] {
    if (!let_fail(SYS_fsync, EIO)) _exit(kNotAllowed);  // files are synced by fdatasync
    try {
      open_storage(dir.journal_url())->create_study({.name = "s", .directions = {Direction::kMinimize}});
    } catch (const Error& e) {
      _exit(std::string(e.what()).find("did not confirm") != std::string::npos ? 0 : 3);
    }
    _exit(2);
  });
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotAllowed) {
    WARN("no seccomp filters here");
    return;
  }
  CHECK(status == 0);
}

TEST_CASE("a child that a killed writer has forked does not keep the journal's lock", "[storage][journal][processes]") {
  const test::TempDir dir;
  const auto storage = open_storage(dir.journal_url());
  int ready[2];
  REQUIRE(pipe(ready) == 0);
  const pid_t writer = fork();
  if (writer == 0) {
    const JournalFile file(dir.file("study.log"));
    const JournalFile::Lock lock(file);
    const pid_t child = fork();
    if (child != 0) static_cast<void>(!write(ready[1], &child, sizeof child));
    while (true) pause();
  }
  pid_t child = 0;
  REQUIRE(read(ready[0], &child, sizeof child) == sizeof child);
  kill(writer, SIGKILL);
  REQUIRE(waitpid(writer, nullptr, 0) == writer);
  REQUIRE(kill(child, 0) == 0);  // it lives
  const auto begin = std::chrono::steady_clock::now();
  storage->create_study({.name = "s", .directions = {Direction::kMinimize}});
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(10));
  kill(child, SIGKILL);
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("a journal keeps integers of any size in attributes", "[storage][journal]") {
  const test::TempDir dir;
  const std::string big = "[18446744073709551616, -9223372036854775809, 123456789012345678901234567890, 0.1]";
  {
    const auto storage = open_storage(dir.journal_url());
    const StudyId study = storage->create_study(
        {.name = "s", .directions = {Direction::kMinimize}, .user_attrs = {{"big", Json::parse(big)}}});
    const TrialId trial = storage->start_trial(study, {.system_attrs = {{"big", Json::parse(big)}}}).id;
    storage->update_trial(study, {.id = trial, .user_attrs = {{"big", Json::parse(big)}, {"small", Json(1)}}});
  }
  const auto storage = open_storage(dir.journal_url());
  CHECK(storage->get_study(StudyId{0}).user_attrs.at(0).value.text() == big);
  const FrozenTrial trial = storage->find_trial(TrialId{0})->trial;
  CHECK(trial.system_attrs.at(0).value.text() == big);
  CHECK(find_attribute(trial.user_attrs, "big")->text() == big);
  CHECK(find_attribute(trial.user_attrs, "small")->text() == "1");
}
