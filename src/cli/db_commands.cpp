// SPDX-License-Identifier: MIT
// db info, db check, db pack, db vacuum.
#include <fmt/core.h>

#include <iostream>

#include "bluefin/database.hpp"
#include "bluefin/log.hpp"
#include "command_line.hpp"
#include "format.hpp"

namespace bluefin::cli {
namespace {

Tree studies_value(const std::vector<StudyCounts>& studies) {
  Tree list = Tree::array();
  for (const StudyCounts& study : studies) {
    Tree trials = Tree::object();
    std::int64_t n_trials = 0;
    for (const auto& [state, count] : study.trials) {
      trials[state] = count;
      n_trials += count;
    }
    list.push_back({{"name", study.name}, {"n_trials", n_trials}, {"trials", trials}});
  }
  return list;
}

Tree users_value(const std::vector<FileUser>& users) {
  Tree list = Tree::array();
  for (const FileUser& user : users) {
    list.push_back({{"pid", user.pid}, {"command", user.command}, {"writes", user.writes}});
  }
  return list;
}

}  // namespace

int run_db_info(const Arguments& arguments) {
  CommandLine line("db info", "$ bluefin db info --storage sqlite:///lr.db");
  line.note(
          "Sizes in bytes, the schema, the studies with their trials by state, and the\n"
          "processes that have the file open, as far as this user may see them. Changes\n"
          "nothing.")
      .format("yaml", /*can_flatten=*/false);
  if (!line.parse(arguments)) return 0;
  const DatabaseInfo info = database_info(line.storage_url());
  const std::vector<std::pair<const char*, Tree>> cells = {
      {"file", info.path},
      {"size", info.size},
      {"wal_size", info.wal_size},
      {"page_size", info.page_size},
      {"free_pages", info.free_pages},
      {"journal_mode", info.journal_mode},
      {"alembic_version", info.revision.empty() ? Tree(nullptr) : Tree(info.revision)},
      {"schema_version", info.schema_version ? Tree(*info.schema_version) : Tree(nullptr)},
      {"read_only", info.read_only.empty() ? Tree(nullptr) : Tree(info.read_only)},
      {"open_in", users_value(info.users)},
      {"studies", studies_value(info.studies)},
  };
  std::vector<Column> columns;
  Record record;
  for (const auto& [name, value] : cells) record[columns.emplace_back(Column{name})] = value;
  std::cout << format_records({record}, columns, line.get_text("format"), false, /*single=*/true) << "\n";
  return 0;
}

int run_db_check(const Arguments& arguments) {
  CommandLine line("db check",
                   "$ bluefin db check --storage sqlite:///lr.db\n"
                   "trials trial_id 8 number = 9, expected 7");
  line.note(
          "SQLite's own checks of the file, and the rules of Optuna's tables. A finding is\n"
          "a line: table, primary key, id, what is there and what was expected. Changes\n"
          "nothing. Exit code 0 without findings, 1 with some.")
      .format("value", /*can_flatten=*/false);
  if (!line.parse(arguments)) return 0;
  const std::vector<Finding> findings = check_database(line.storage_url());
  std::vector<Record> records;
  for (const Finding& finding : findings) {
    Record record;
    record[{"table"}] = finding.table;
    record[{"key"}] = finding.key;
    record[{"id"}] = finding.id ? Tree(*finding.id) : Tree(nullptr);
    record[{"problem"}] = finding.problem;
    records.push_back(std::move(record));
  }
  const std::string format = line.get_text("format");
  if (!records.empty() || format != "value") {
    std::cout << format_records(records, {{"table"}, {"key"}, {"id"}, {"problem"}}, format, false) << "\n";
  }
  log(LogLevel::kInfo, findings.empty()
                           ? "Every row is as it should be."
                           : fmt::format("{} finding{}", findings.size(), findings.size() == 1 ? "" : "s"));
  return findings.empty() ? 0 : 1;
}

int run_db_pack(const Arguments& arguments) {
  CommandLine line("db pack",
                   "$ bluefin db pack --storage sqlite:///lr.db --output lr-to-mail.db\n"
                   "lr-to-mail.db");
  line.note(
          "Everything goes into the one file, without a log beside it: for sending it, and\n"
          "for tools that load its bytes. The file itself can be packed while nobody has it\n"
          "open; the next bluefin that opens it gives it a log again.")
      .text("output", "FILE", "write a copy, also while others use the file; without it the file itself is packed")
      .flag("yes", "replace FILE where it exists");
  if (!line.parse(arguments)) return 0;
  const std::string url = line.storage_url();
  if (line.has("output")) {
    pack_database(url, line.get_text("output"), line.is_set("yes"));
    std::cout << line.get_text("output") << "\n";
  } else {
    pack_database(url);
    std::cout << database_path(url) << "\n";
  }
  return 0;
}

int run_db_vacuum(const Arguments& arguments) {
  CommandLine line("db vacuum",
                   "$ bluefin db vacuum --storage sqlite:///lr.db\n"
                   R"({"before": 3481600, "after": 2236416})");
  line.note(
          "Shows the bytes of the file and its log before and after. Waits for locks, 30 s\n"
          "at most, and needs free space for a second copy of the file.")
      .format("json", /*can_flatten=*/false);
  if (!line.parse(arguments)) return 0;
  const VacuumResult result = vacuum_database(line.storage_url());
  const Record record = {{{"before"}, result.before}, {{"after"}, result.after}};
  std::cout << format_records({record}, {{"before"}, {"after"}}, line.get_text("format"), false, /*single=*/true)
            << "\n";
  return 0;
}

}  // namespace bluefin::cli
