// SPDX-License-Identifier: MIT
// Programs that cannot be started, found by their files.
#include "exec/program_file.hpp"

#include <elf.h>
#include <fmt/core.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "bluefin/error.hpp"
#include "catch.hpp"
#include "supervise.hpp"

using namespace bluefin;
using namespace bluefin::testing;

namespace {

class Programs {
 public:
  std::string write(const std::string& name, const std::string& bytes) {
    const std::string path = folder_.file(name);
    std::ofstream(path, std::ios::binary) << bytes;
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  // What is wrong with a program of these bytes.
  std::string problem(const std::string& bytes, const std::vector<std::pair<std::string, std::string>>& more = {}) {
    const std::string path = write("program", bytes);
    try {
      check_startable(path, "./program", more);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::kInvalidArgument);
      return error.what();
    }
    return "";
  }

 private:
  TemporaryFolder folder_;
};

std::string read(const std::string& path) {
  std::ostringstream bytes;
  bytes << std::ifstream(path, std::ios::binary).rdbuf();
  return bytes.str();
}

}  // namespace

TEST_CASE("a script needs an interpreter that is there", "[exec]") {
  Programs programs;
  CHECK(programs.problem("#!/bin/sh\necho 1\n").empty());
  CHECK(programs.problem("#! /bin/sh -e").empty());
  CHECK(programs.problem("#!/no/such/interp\necho 1\n") ==
        "program ./program needs the interpreter /no/such/interp of its first line, which does not exist");
  CHECK_THAT(programs.problem("#!/bin/sh\r\necho 1\r\n"), ContainsSubstring("carriage return"));
  CHECK_THAT(programs.problem("#!/tmp\n"),
             ContainsSubstring("/tmp of its first line, which is not an executable file"));
  CHECK_THAT(programs.problem("#!\necho 1\n"), ContainsSubstring("without an interpreter"));
  CHECK_THAT(programs.problem("echo 1\n"), ContainsSubstring("those need #! and their interpreter"));
  CHECK(programs.problem("") == "program ./program is empty");
  // An interpreter may be a script, but not any.
  const std::string inner = programs.write("inner", "#!/no/such/interp\n");
  CHECK_THAT(programs.problem("#!" + inner + "\n"), ContainsSubstring("which needs the interpreter /no/such/interp"));
  CHECK(programs.problem("#!" + programs.write("good", "#!/bin/sh\n") + "\n").empty());
  // Longer than what the kernel reads, and round in a circle: not known.
  CHECK(programs.problem("#!/" + std::string(300, 'x') + "\n").empty());
  const std::string circle = programs.write("circle", "");
  programs.write("circle", "#!" + circle + "\n");
  CHECK(programs.problem("#!" + circle + "\n").empty());
}

TEST_CASE("a script that env starts needs what env looks for", "[exec]") {
  Programs programs;
  CHECK(programs.problem("#!/usr/bin/env sh\n").empty());
  CHECK(programs.problem("#!/usr/bin/env no-such-interpreter\n") ==
        "program ./program needs the interpreter no-such-interpreter of its first line, which is not in $PATH");
  // Of options, and of what it sets, env alone knows.
  CHECK(programs.problem("#!/usr/bin/env -S no-such-interpreter -u\n").empty());
  CHECK(programs.problem("#!/usr/bin/env A=1\n").empty());
  // The PATH of the trial's process counts.
  const std::string own = programs.write("no-such-interpreter", "#!/bin/sh\n");
  const std::string folder = std::filesystem::path(own).parent_path();
  CHECK(programs.problem("#!/usr/bin/env no-such-interpreter\n", {{"PATH", "/nowhere:" + folder}}).empty());
  CHECK_THAT(programs.problem("#!/usr/bin/env sh\n", {{"PATH", folder}}), ContainsSubstring("sh of its first line"));
}

TEST_CASE("half a binary, and one of another machine, are no programs", "[exec]") {
  Programs programs;
  const std::string whole = read(tool("trial_program"));
  REQUIRE(whole.size() > 4096);
  CHECK(programs.problem(whole).empty());
  for (const std::size_t size :
       {std::size_t{4}, std::size_t{19}, std::size_t{40}, std::size_t{100}, whole.size() / 4}) {
    CHECK(programs.problem(whole.substr(0, size)) ==
          fmt::format("program ./program is an ELF file that is cut off after {} bytes", size));
  }
  std::string object = whole;
  object[offsetof(Elf64_Ehdr, e_type)] = ET_REL;
  CHECK_THAT(programs.problem(object), ContainsSubstring("an ELF file, but no program"));
  std::string loaded = whole;
  const auto loader = loaded.find("/ld-linux");
  REQUIRE(loader != std::string::npos);
  loaded[loader + 1] = 'X';
  CHECK_THAT(programs.problem(loaded), ContainsSubstring("Xd-linux"));
  // Formats of others: handlers of the kernel may start them (binfmt_misc). Where the folder tells of none, none does;
  // where it is not mounted nobody knows, and the first trial will tell.
  std::string other = whole;
  const bool is_sparc = other[offsetof(Elf64_Ehdr, e_machine)] == EM_SPARC;
  other[offsetof(Elf64_Ehdr, e_machine)] = is_sparc ? EM_MIPS : EM_SPARC;
  std::error_code none;
  std::size_t n_entries = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/sys/fs/binfmt_misc", none)) {
    static_cast<void>(entry);
    ++n_entries;
  }
  const std::string garbage("\0\1\2", 3);
  if (n_entries == 0) {
    CHECK(programs.problem(other).empty());
    CHECK(programs.problem(garbage).empty());
  } else if (n_entries == 2) {  // "register" and "status"
    CHECK_THAT(programs.problem(other), ContainsSubstring("is made for ELF machine"));
    CHECK_THAT(programs.problem(garbage), ContainsSubstring("is no program"));
  }
}
