// SPDX-License-Identifier: MIT
// Whole reads and writes of a descriptor. errno says what went wrong.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bluefin {

// As much of n bytes as the file has from `at` on; -1 when it cannot be read.
ssize_t read_at(int descriptor, char* to, std::size_t n, std::int64_t at);
bool write_all(int descriptor, std::string_view bytes);
bool sync_data(int descriptor);
// The entry of the file in its folder. True also where folders cannot be synced.
bool sync_folder_of(const std::string& path);

}  // namespace bluefin
