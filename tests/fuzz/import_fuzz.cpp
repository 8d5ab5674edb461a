// SPDX-License-Identifier: MIT
// The bytes are what `bluefin db import` reads. What it takes must come out again, and be taken again as the same.
#include <sstream>
#include <vector>

#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "fuzz/use_storage.hpp"
#include "storage/study_lines.hpp"

using namespace bluefin;

namespace {

std::string lines_of(const std::vector<WholeStudy>& studies) {
  std::ostringstream out;
  write_header_line(out, studies.size());
  for (const WholeStudy& study : studies) write_study_lines(out, study);
  return out.str();
}

std::vector<WholeStudy> read(const std::string& text) {
  std::istringstream in(text);
  StudyLinesReader reader(in, "input");
  std::vector<WholeStudy> studies;
  while (auto study = reader.next()) studies.push_back(std::move(*study));
  return studies;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  set_log_sink([](LogLevel, std::string_view) {});
  std::vector<WholeStudy> studies;
  try {
    studies = read({reinterpret_cast<const char*>(data), size});
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kInvalidArgument) fuzz::broken(std::string("another kind of error: ") + e.what());
    if (std::string(e.what()).rfind("input", 0) != 0) fuzz::broken(std::string("no place is named: ") + e.what());
    return 0;
  } catch (const std::exception& e) {
    fuzz::broken(std::string("not one of bluefin's errors: ") + e.what());
  }
  try {
    const std::string once = lines_of(studies);
    const std::string twice = lines_of(read(once));
    if (once != twice) fuzz::broken("it comes back as another: " + once + twice);
    const auto storage = open_storage("memory:");
    for (const WholeStudy& study : studies) {
      if (storage->find_study(study.study.name)) continue;
      try {
        write_whole_study(*storage, study);
      } catch (const Error& e) {
        if (e.code() != ErrorCode::kConflict && e.code() != ErrorCode::kInvalidArgument) throw;  // kinds that differ
        continue;
      }
      const auto stored = read_whole_study(*storage, storage->find_study(study.study.name).value());
      if (lines_of({stored}) != lines_of({study})) fuzz::broken("the storage holds another study");
    }
  } catch (const std::exception& e) {
    fuzz::broken(std::string("what was taken does not come out again: ") + e.what());
  }
  return 0;
}
