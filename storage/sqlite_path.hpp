// SPDX-License-Identifier: MIT
// The file that an sqlite: URL names, and what keeps it from being used.
#pragma once

#include <string>

namespace bluefin {

// The absolute path of the file. Throws Error(kInvalidArgument) for a URL of another form; Error(kUnavailable) when
// the folder is missing or not writable, the path is a folder, or the file is not readable and writable.
std::string sqlite_path(const std::string& url);

}  // namespace bluefin
