// SPDX-License-Identifier: MIT
#include "bluefin/out_of_memory.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <new>
#include <string>

namespace bluefin {
namespace {

template <std::size_t N>
bool has_any(std::string_view text, const std::array<std::string_view, N>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

// In small letters. Looked for first: LibTorch's CPU allocator, whose text goes on with other words about memory.
constexpr std::array<std::string_view, 1> kHostFirst = {"defaultcpuallocator"};
// CUDA itself says no more than "out of memory". cuBLAS, cuDNN and cuSOLVER have ..._STATUS_ALLOC_FAILED.
constexpr std::array<std::string_view, 6> kDevice = {"out of memory",       "out_of_memory",
                                                     "outofmemoryerror",    "cudaerrormemoryallocation",
                                                     "status_alloc_failed", "oom when allocating"};
constexpr std::array<std::string_view, 5> kHost = {"bad_alloc", "cannot allocate memory", "can't allocate memory",
                                                   "not enough memory", "memoryerror"};

}  // namespace

OutOfMemory out_of_memory(std::string_view message) {
  std::string text(message);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (has_any(text, kHostFirst) && (has_any(text, kHost) || has_any(text, kDevice))) {
    return OutOfMemory::kHost;
  }
  if (has_any(text, kDevice)) {
    return OutOfMemory::kDevice;
  }
  return has_any(text, kHost) ? OutOfMemory::kHost : OutOfMemory::kNo;
}

OutOfMemory out_of_memory(const std::exception_ptr& error) {
  if (!error) {
    return OutOfMemory::kNo;
  }
  try {
    std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    return OutOfMemory::kHost;
  } catch (const std::exception& known) {
    return out_of_memory(std::string_view(known.what()));
  } catch (...) {
    return OutOfMemory::kNo;
  }
}

}  // namespace bluefin
