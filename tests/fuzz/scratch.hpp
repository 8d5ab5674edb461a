// SPDX-License-Identifier: MIT
// A folder in memory for the one file that a fuzz target works on.
#pragma once

#include <stdlib.h>

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
    std::string name = (parent / "bluefin-fuzz-XXXXXX").string();
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

 private:
  std::filesystem::path path_;
};

}  // namespace bluefin::fuzz
