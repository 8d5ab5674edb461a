// SPDX-License-Identifier: MIT
// journal:///path: a file of changes in Optuna's format (JournalStorage with JournalFileBackend).
#pragma once

#include <memory>
#include <string>

#include "bluefin/storage.hpp"

namespace bluefin {

// A file that cannot be written is opened to be read, and a write throws Error(kUnavailable) that says why.
// Throws Error(kInvalidArgument) for a URL of another form, Error(kUnavailable) when the file cannot be used,
// Error(kCorrupt) when it holds something else than records.
std::shared_ptr<Storage> open_journal_storage(const std::string& url);

}  // namespace bluefin
