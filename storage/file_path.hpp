// SPDX-License-Identifier: MIT
// The file that a URL names, and what keeps it from being used.
#pragma once

#include <string>
#include <string_view>

namespace bluefin {

// The absolute path of the file that `url` (SCHEME:///relative/path or SCHEME:////absolute/path) names. Throws
// Error(kInvalidArgument) for a URL of another form; Error(kUnavailable) when the folder is missing or not writable,
// the path is a folder, or the file is not readable and writable.
std::string file_path(const std::string& url, std::string_view scheme);

}  // namespace bluefin
