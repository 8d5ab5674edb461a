// SPDX-License-Identifier: MIT
// What a power cut may take of the trials that were told.
#pragma once

#include <cstdint>
#include <string_view>

namespace bluefin {

// A process that is killed, by whatever signal, never costs a trial that was told.
enum class Durability : std::uint8_t {
  kTrial,  // "trial", the default: nothing that was told is lost in a power cut
  kGroup,  // "group": up to 100 ms of it may be; one sync in 100 ms, with the first tell after them and at the end
  kOs,     // "os": what the operating system has not written by itself, some 30 s on Linux; never a damaged file
};

std::string_view to_string(Durability durability);
// Throws Error(kInvalidArgument) that names the three words; `what` is what the message calls the text's origin.
Durability parse_durability(std::string_view text, std::string_view what);
// $BLUEFIN_DURABILITY; kTrial when it is not set or empty.
Durability default_durability();

}  // namespace bluefin
