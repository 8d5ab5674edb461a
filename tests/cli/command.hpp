// SPDX-License-Identifier: MIT
// The command `bluefin` run in the test's own process, and a folder for its files.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "cli/commands.hpp"

namespace bluefin::test {

struct Result {
  int code;
  std::string out;
  std::string err;
};

// Takes what is written to a standard stream, by C++, by C or by a child.
class Capture {
 public:
  Capture(std::ostream& stream, std::FILE* file) : stream_(stream), file_(file), store_(std::tmpfile()) {
    flush();
    saved_ = dup(fileno(file_));
    dup2(fileno(store_), fileno(file_));
  }
  ~Capture() { std::fclose(store_); }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  // Gives the stream back as well.
  std::string take() {
    flush();
    dup2(saved_, fileno(file_));
    close(saved_);
    std::rewind(store_);
    std::string text;
    for (int c = std::fgetc(store_); c != EOF; c = std::fgetc(store_)) text += static_cast<char>(c);
    return text;
  }

 private:
  void flush() {
    stream_.flush();
    std::fflush(file_);
  }

  std::ostream& stream_;
  std::FILE* file_;
  std::FILE* store_;
  int saved_ = -1;
};

// `bluefin WORDS...` in this process.
inline Result bluefin_command(std::vector<std::string> words) {
  words.insert(words.begin(), "bluefin");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  Capture out(std::cout, stdout);
  Capture err(std::cerr, stderr);
  const int code = cli::command_main(static_cast<int>(argv.size()), argv.data());
  return {code, out.take(), err.take()};
}

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bluefin-cli-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path() const { return path_; }
  std::string url(const std::string& file = "test.db") const { return "sqlite:///" + (path_ / file).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace bluefin::test
