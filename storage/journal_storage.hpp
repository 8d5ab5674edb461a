// SPDX-License-Identifier: MIT
// journal:///path: a file of changes in Optuna's format (JournalStorage with JournalFileBackend).
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "bluefin/storage.hpp"

namespace bluefin {

// A file that cannot be written is opened to be read, and a write throws Error(kUnavailable) that says why.
// Throws Error(kInvalidArgument) for a URL of another form, Error(kUnavailable) when the file cannot be used,
// Error(kCorrupt) when it holds something else than records.
// `patience`: how long a call waits for another process of bluefin, then Error(kUnavailable) with its number.
std::shared_ptr<Storage> open_journal_storage(const std::string& url,
                                              std::chrono::milliseconds patience = std::chrono::seconds(30));

}  // namespace bluefin
