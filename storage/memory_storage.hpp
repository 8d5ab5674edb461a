// SPDX-License-Identifier: MIT
// Studies of this process only, gone with the last handle: `memory:`.
#pragma once

#include <memory>
#include <string>

#include "bluefin/storage.hpp"

namespace bluefin {

// `url` is "memory:". Throws Error(kInvalidArgument) for anything behind the colon.
std::shared_ptr<Storage> open_memory_storage(const std::string& url);

}  // namespace bluefin
