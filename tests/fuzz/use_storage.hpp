// SPDX-License-Identifier: MIT
// What programs do with a storage, whatever is in it.
#pragma once

#include <exception>
#include <string>

#include "bluefin/error.hpp"

namespace bluefin::fuzz {

// Prints the sentence and aborts, which a fuzzer takes for a crash.
[[noreturn]] void broken(const std::string& what);

// True: it went through. An Error that is not kInternal is what there may be instead, unless `clean`: nothing can be
// wrong, so any error is.
template <class Work>
bool attempt(const char* what, bool clean, Work&& work) {
  try {
    work();
    return true;
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kInternal) broken(std::string(what) + ": an internal error: " + e.what());
    if (std::string(e.what()).empty()) broken(std::string(what) + ": an error without a sentence");
    if (clean) broken(std::string(what) + ": `db check` found nothing, and yet: " + e.what());
    return false;
  } catch (const std::exception& e) {
    broken(std::string(what) + ": not one of bluefin's errors: " + e.what());
  }
}

// Reads all studies in each way, then asks, suggests, reports and tells in each, looks for lost trials, and exports.
void use_storage(const std::string& url, bool clean);

}  // namespace bluefin::fuzz
