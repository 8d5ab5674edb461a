// SPDX-License-Identifier: MIT
#pragma once

namespace bluefin::cli {

// The text of python/client/bluefin_client.py; CMake makes the source of it.
extern const char* const kPythonClient;

}  // namespace bluefin::cli
