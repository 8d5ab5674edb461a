// SPDX-License-Identifier: MIT
// The file behind a storage.
#pragma once

#include <string>

namespace bluefin {

// The absolute path of the file that the URL of a storage names; empty where it has none (memory:). Throws
// Error(kInvalidArgument) for a URL that is not well formed; looks at no file.
std::string storage_file(const std::string& url);

}  // namespace bluefin
