// SPDX-License-Identifier: MIT
// What programs do with a storage, whatever is in it.
#pragma once

#include <string>

namespace bluefin::fuzz {

// Prints the sentence and aborts, which a fuzzer takes for a crash.
[[noreturn]] void broken(const std::string& what);

// Reads all studies in each way, then asks, suggests, reports and tells in each, looks for lost trials, and exports.
// What is wrong must be an Error that is not kInternal; anything else is broken(). `clean`: nothing can be wrong, so
// any error is.
void use_storage(const std::string& url, bool clean);

}  // namespace bluefin::fuzz
