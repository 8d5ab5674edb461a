// SPDX-License-Identifier: MIT
// storage upgrade.
#include <fmt/format.h>

#include <filesystem>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "command_line.hpp"

namespace bluefin::cli {

int run_storage_upgrade(const Arguments& arguments) {
  CommandLine line("storage upgrade", "$ bluefin storage upgrade --storage sqlite:///lr.db");
  if (!line.parse(arguments)) return 0;
  // Opening would make a new file, and there is nothing to upgrade in that.
  const std::string url = line.storage_url();
  std::error_code ignored;
  if (url.rfind("sqlite:///", 0) == 0 && !std::filesystem::exists(database_path(url), ignored)) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: there is no such file", url));
  }
  // Opening checks the schema; for an older one the error says which command upgrades it.
  line.open_storage();
  log(LogLevel::kInfo, "This storage is up-to-date.");
  return 0;
}

}  // namespace bluefin::cli
