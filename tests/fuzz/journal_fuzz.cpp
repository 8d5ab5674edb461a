// SPDX-License-Identifier: MIT
// The bytes are a journal file.
#include "bluefin/log.hpp"
#include "fuzz/scratch.hpp"
#include "fuzz/use_storage.hpp"

using namespace bluefin;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::Scratch folder;
  set_log_sink([](LogLevel, std::string_view) {});
  folder.reset("study.log", {reinterpret_cast<const char*>(data), size});
  fuzz::use_storage("journal:///" + folder.file("study.log"), false);
  return 0;
}
