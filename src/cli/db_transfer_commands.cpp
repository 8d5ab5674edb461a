// SPDX-License-Identifier: MIT
// db copy, db export, db import.
#include <fmt/core.h>

#include <fstream>
#include <iostream>

#include "bluefin/error.hpp"
#include "bluefin/transfer.hpp"
#include "command_line.hpp"

namespace bluefin::cli {
namespace {

void add_study_options(CommandLine& line, const char* study) {
  line.text("study-name", "NAME", study)
      .text("to-study-name", "NAME", "another name for it in the destination")
      .text("if-exists", "WHAT",
            "where the destination has a study of that name: error (the default), skip, or replace, which deletes it "
            "(needs --yes)")
      .flag("yes", "delete what is replaced");
}

std::optional<std::string> study_of(const CommandLine& line) {
  if (!line.has("study-name")) return std::nullopt;
  return line.get_text("study-name");
}

TransferOptions transfer_options(const CommandLine& line) {
  TransferOptions options{.study = study_of(line)};
  if (line.has("to-study-name")) {
    if (!options.study) throw line.usage_error("--to-study-name needs --study-name: it is for one study");
    options.to_study = line.get_text("to-study-name");
  }
  if (line.has("if-exists")) {
    const std::string word = line.get_choice("if-exists", {"error", "skip", "replace"});
    if (word == "skip") options.if_exists = IfExists::kSkip;
    if (word == "replace") options.if_exists = IfExists::kReplace;
  }
  if (options.if_exists == IfExists::kReplace && !line.is_set("yes")) {
    throw line.usage_error("--if-exists replace deletes the study that is there; give --yes as well");
  }
  return options;
}

// A copy in memory would be gone when the command ends.
std::string destination(const CommandLine& line, const std::string& option, const std::string& url) {
  if (url.starts_with("memory:")) {
    throw line.usage_error(fmt::format(
        "{} {}: what is in memory is gone when the command ends; give sqlite:///FILE or journal:///FILE", option, url));
  }
  return url;
}

}  // namespace

int run_db_copy(const Arguments& arguments) {
  CommandLine line("db copy",
                   "$ bluefin db copy --storage sqlite:///lr.db --to-storage journal:///all.log \\\n"
                   "    --study-name lr --to-study-name lr-monday");
  line.note(
          "A copy is of one moment and is there whole or not at all, with trial numbers,\n"
          "values, reports, parameters, attributes and times as they are. Between SQLite\n"
          "files, journals, or within one.")
      .text("to-storage", "URL", "where the copies go; may be the same storage", Need::kRequired);
  add_study_options(line, "the study to copy; default: all");
  if (!line.parse(arguments)) return 0;
  const TransferOptions options = transfer_options(line);
  copy_studies(line.storage_url(), destination(line, "--to-storage", resolve_storage(line.get_text("to-storage"), "")),
               options);
  return 0;
}

int run_db_export(const Arguments& arguments) {
  CommandLine line("db export",
                   "$ bluefin db export --storage sqlite:///lr.db --output lr.jsonl\n"
                   "$ bluefin db export --storage sqlite:///lr.db | gzip > lr.jsonl.gz");
  line.note(
          "A header, a line for each study, a line for each trial. NaN and Infinity are\n"
          "written as Python's json reads them.")
      .text("study-name", "NAME", "the study to write; default: all")
      .text("output", "FILE", "where to; default: standard output")
      .flag("yes", "replace FILE where it exists");
  if (!line.parse(arguments)) return 0;
  if (line.has("output")) {
    export_studies(line.storage_url(), line.get_text("output"), line.is_set("yes"), study_of(line));
  } else {
    export_studies(line.storage_url(), std::cout, study_of(line));
  }
  return 0;
}

int run_db_import(const Arguments& arguments) {
  CommandLine line("db import",
                   "$ bluefin db import --storage sqlite:///lr.db --input lr.jsonl\n"
                   "$ gunzip -c lr.jsonl.gz | bluefin db import --storage sqlite:///lr.db");
  line.note(
          "A study is written when all of it was read and is right; otherwise the error\n"
          "names the line and what was expected there, and nothing of it is written.")
      .text("input", "FILE", "what 'db export' has written; default: standard input");
  add_study_options(line, "the study to take; default: all");
  if (!line.parse(arguments)) return 0;
  const TransferOptions options = transfer_options(line);
  const std::string url = destination(line, "--storage", line.storage_url());
  if (!line.has("input")) {
    import_studies(std::cin, "standard input", url, options);
    return 0;
  }
  const std::string path = line.get_text("input");
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(ErrorCode::kNotFound, path + ": the file cannot be read");
  import_studies(in, path, url, options);
  return 0;
}

}  // namespace bluefin::cli
