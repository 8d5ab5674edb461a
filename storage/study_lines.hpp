// SPDX-License-Identifier: MIT
// Studies as JSON Lines: a header, then each study's line with its trials' lines behind it. storage/FORMAT.md has the
// form.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <optional>
#include <string>
#include <type_traits>

#include "storage/spec_cache.hpp"
#include "storage/study_import.hpp"

namespace bluefin {

void write_header_line(std::ostream& out, std::size_t n_studies);
void write_study_lines(std::ostream& out, const WholeStudy& whole);

class StudyLinesReader {
 public:
  // Reads the header. `name` is what messages call the stream. This and next() throw Error(kInvalidArgument) that names
  // the line and what was expected there.
  StudyLinesReader(std::istream& in, std::string name);

  // The next study, whole; nullopt behind the last one.
  std::optional<WholeStudy> next();

 private:
  bool read_line();
  [[noreturn]] void fail(const std::string& problem) const;
  template <class Parse>
  std::invoke_result_t<Parse&> in_line(Parse&& parse);

  std::istream& in_;
  const std::string name_;
  std::string line_;
  std::size_t n_lines_ = 0;
  std::size_t n_studies_ = 0;  // that the header has promised
  std::size_t n_read_ = 0;
  SpecCache specs_;
};

}  // namespace bluefin
