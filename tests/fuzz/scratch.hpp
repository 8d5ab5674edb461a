// SPDX-License-Identifier: MIT
// A folder in memory for the one file that a fuzz target works on. What a killed process has left goes with the next
// one.
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "fuzz/use_storage.hpp"

namespace bluefin::fuzz {

class Scratch {
 public:
  Scratch() {
    std::error_code ignored;
    const auto parent = std::filesystem::is_directory("/dev/shm", ignored) ? std::filesystem::path("/dev/shm")
                                                                           : std::filesystem::temp_directory_path();
    for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
      const std::string found = entry.path().filename().string();
      if (found.rfind(kPrefix, 0) != 0) continue;
      const int owner = std::atoi(found.c_str() + kPrefix.size());
      if (owner > 0 && kill(owner, 0) != 0 && errno == ESRCH) std::filesystem::remove_all(entry.path(), ignored);
    }
    std::string name = (parent / (std::string(kPrefix) + std::to_string(getpid()) + "-XXXXXX")).string();
    if (mkdtemp(name.data()) == nullptr) broken("no folder can be made in " + parent.string());
    path_ = name;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string file(std::string_view name) const { return (path_ / name).string(); }
  // The folder holds this file and nothing else then.
  void reset(std::string_view name, std::string_view bytes) const {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
      std::filesystem::remove_all(entry.path(), ignored);
    }
    std::ofstream(file(name), std::ios::binary) << bytes;
  }
  // Bytes of all files.
  std::uintmax_t size() const {
    std::error_code ignored;
    std::uintmax_t sum = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path_, ignored)) {
      const auto size = entry.file_size(ignored);
      if (!ignored) sum += size;
    }
    return sum;
  }

 private:
  static constexpr std::string_view kPrefix = "bluefin-fuzz-";

  std::filesystem::path path_;
};

}  // namespace bluefin::fuzz
