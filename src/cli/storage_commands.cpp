// SPDX-License-Identifier: MIT
// storage upgrade.
#include <fmt/core.h>

#include <filesystem>

#include "bluefin/database.hpp"
#include "bluefin/error.hpp"
#include "bluefin/log.hpp"
#include "command_line.hpp"

namespace bluefin::cli {

int run_storage_upgrade(const Arguments& arguments) {
  CommandLine line("storage upgrade", "$ bluefin storage upgrade --storage sqlite:///lr.db");
  if (!line.parse(arguments)) return 0;
  // Opening checks the schema; for an older one the error says which command upgrades it.
  line.open_existing_storage();
  log(LogLevel::kInfo, "This storage is up-to-date.");
  return 0;
}

}  // namespace bluefin::cli
