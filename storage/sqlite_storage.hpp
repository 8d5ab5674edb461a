// SPDX-License-Identifier: MIT
// Studies in an SQLite file with Optuna's tables, shared by any number of processes on one host. See FORMAT.md.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "bluefin/durability.hpp"
#include "bluefin/storage.hpp"

namespace bluefin {

struct SqliteOptions {
  std::chrono::milliseconds busy_timeout = std::chrono::seconds(30);  // how long a call waits for a locked file
  Durability durability = default_durability();
};

// `url` is "sqlite:///relative/path" or "sqlite:////absolute/path"; the path is taken as it stands, without percent
// decoding, as SQLAlchemy does. Options may stand behind it, see sqlite_url.hpp. Creates the file when it is missing;
// one that cannot be written is opened to be read, and a write throws Error(kUnavailable) that says why.
std::shared_ptr<Storage> open_sqlite_storage(const std::string& url, const SqliteOptions& options = {});

}  // namespace bluefin
