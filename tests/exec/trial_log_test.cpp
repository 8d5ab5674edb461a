// SPDX-License-Identifier: MIT
#include "exec/trial_log.hpp"

#include <fmt/core.h>

#include <set>

#include "bluefin/log.hpp"
#include "catch.hpp"
#include "file_contents.hpp"
#include "supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;
using test::contents;

TEST_CASE("a study's name becomes the name of one folder", "[exec]") {
  CHECK(folder_name("lr-sweep_2.1") == "lr-sweep_2.1");
  CHECK(folder_name("größe") == "größe");
  CHECK(folder_name("a/b") == "a%2Fb");
  CHECK(folder_name("..") == "%2E.");
  CHECK(folder_name(".") == "%2E");
  CHECK(folder_name("../../etc/passwd") == "%2E.%2F..%2Fetc%2Fpasswd");
  CHECK(folder_name("") == "%");
  CHECK(folder_name(std::string_view("a\0b\n", 4)) == "a%00b%0A");
  CHECK(folder_name("50%2F") == "50%252F");
  const std::string long_name = folder_name(std::string(5000, 'x'));
  CHECK(long_name.size() <= 220);
  CHECK(long_name != folder_name(std::string(5001, 'x')));
  // No two names become one.
  std::set<std::string> folders;
  const std::vector<std::string> names = {"",  "%",  ".",  "..",   "/",  "%2F", "%252F",
                                          "a", "a/", "a%", "a%2F", "\n", "%0A"};
  for (const std::string& name : names) {
    folders.insert(folder_name(name));
    CHECK(folder_name(name).find('/') == std::string::npos);
  }
  CHECK(folders.size() == names.size());
}

TEST_CASE("output is kept as it came, and no file is made for none", "[exec]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("logs/s/3.log");
  TrialLog log(path, TrialLog::kMinLimit, std::make_shared<bool>(false));
  CHECK(!std::filesystem::exists(path));
  log.append("one\n");
  log.append(std::string_view("\0\xff", 2));
  CHECK(contents(path) == std::string("one\n\0\xff", 6));
}

TEST_CASE("a long log keeps its beginning and its end", "[exec]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("1.log");
  constexpr std::uint64_t kLimit = 100'000;
  TrialLog log(path, kLimit, std::make_shared<bool>(false));
  std::string all;
  std::uintmax_t largest = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string line = fmt::format("line {} {}\n", i, std::string(static_cast<std::size_t>(i % 97), '.'));
    all += line;
    log.append(line);
    largest = std::max(largest, std::filesystem::file_size(path));
  }
  CHECK(largest <= kLimit + 200);
  const std::string kept = contents(path);
  const std::size_t at = kept.find("\n[bluefin: ");
  REQUIRE(at != std::string::npos);
  CHECK(kept.find("\n[bluefin: ", at + 1) == std::string::npos);
  const std::size_t next = kept.find('\n', at + 1) + 1;
  const std::string head = kept.substr(0, at);
  const std::string tail = kept.substr(next);
  CHECK(all.compare(0, head.size(), head) == 0);
  CHECK(all.compare(all.size() - tail.size(), tail.size(), tail) == 0);
  CHECK(head.size() > kLimit / 3);
  CHECK(tail.size() >= kLimit / 4 - 200);
  // Whole lines on both sides, and the number of bytes between them is right.
  CHECK(head.back() == '\n');
  CHECK(tail.compare(0, 5, "line ") == 0);
  const std::size_t left_out = all.size() - head.size() - tail.size();
  CHECK_THAT(kept.substr(at, next - at), ContainsSubstring(fmt::format("{} bytes are left out", left_out)));
}

TEST_CASE("a log without lines is cut as well", "[exec]") {
  const TemporaryFolder folder;
  const std::string path = folder.file("1.log");
  TrialLog log(path, TrialLog::kMinLimit, std::make_shared<bool>(false));
  for (int i = 0; i < 100; ++i) {
    log.append(std::string(TrialLog::kMaxAppend, static_cast<char>('a' + i % 26)));
  }
  const std::string kept = contents(path);
  CHECK(kept.size() <= TrialLog::kMinLimit + 200);
  CHECK(kept.front() == 'a');
  CHECK(kept.back() == static_cast<char>('a' + 99 % 26));
}

TEST_CASE("output that cannot be kept is one warning for all trials of a run", "[exec]") {
  const TemporaryFolder folder;
  std::ofstream(folder.file("taken")) << "a file";
  std::filesystem::create_directory(folder.file("s"));
  std::filesystem::create_symlink(folder.file("taken"), folder.file("s/2.log"));
  std::vector<std::string> messages;
  set_log_sink([&](LogLevel, std::string_view message) { messages.emplace_back(message); });
  const LogTrouble trouble = std::make_shared<bool>(false);
  for (const char* name : {"taken/1.log", "taken/2.log", "s/2.log"}) {
    TrialLog log(folder.file(name), TrialLog::kMinLimit, trouble);
    log.append("x");
    log.append("x");
  }
  set_log_sink({});
  REQUIRE(messages.size() == 1);
  CHECK_THAT(messages[0], ContainsSubstring("output of trials is not kept"));
  CHECK(contents(folder.file("taken")) == "a file");  // not through a link
}
