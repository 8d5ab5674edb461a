// SPDX-License-Identifier: MIT
#include "bluefin/out_of_memory.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <new>
#include <string>

#include "core/memory_words.hpp"

namespace bluefin {
namespace {

struct Words {
  std::string_view text;  // in small letters
  OutOfMemory kind;
  bool anywhere;  // also in what a program prints; else only as the message of an error
};

// The first that is in a text decides: what names a library stands before what only says "out of memory".
constexpr std::array kWords = {
    Words{"java.lang.outofmemoryerror", OutOfMemory::kHost, true},
    Words{"defaultcpuallocator: can't allocate memory", OutOfMemory::kHost, true},  // LibTorch
    Words{"defaultcpuallocator: not enough memory", OutOfMemory::kHost, true},
    Words{"cuda out of memory", OutOfMemory::kDevice, true},  // PyTorch, as the next three
    Words{"hip out of memory", OutOfMemory::kDevice, true},
    Words{"xpu out of memory", OutOfMemory::kDevice, true},
    Words{"mps backend out of memory", OutOfMemory::kDevice, true},
    Words{"cuda error: out of memory", OutOfMemory::kDevice, true},
    Words{"cudaerrormemoryallocation", OutOfMemory::kDevice, true},
    Words{"cuda_error_out_of_memory", OutOfMemory::kDevice, true},
    Words{"cuda runtime error (2)", OutOfMemory::kDevice, true},
    Words{"_status_alloc_failed", OutOfMemory::kDevice, true},               // cuBLAS, cuDNN, cuSOLVER, cuSPARSE
    Words{"outofmemoryerror", OutOfMemory::kDevice, true},                   // torch.cuda's, torch's, c10's, CuPy's
    Words{"resource_exhausted: out of memory", OutOfMemory::kDevice, true},  // JAX
    Words{"oom when allocating", OutOfMemory::kDevice, true},                // TensorFlow
    Words{"std::bad_alloc", OutOfMemory::kHost, true},
    Words{"memoryerror", OutOfMemory::kHost, true},  // Python's, NumPy's _ArrayMemoryError
    Words{"[errno 12] cannot allocate memory", OutOfMemory::kHost, true},
    Words{"out of memory", OutOfMemory::kDevice, false},  // CUDA itself says no more
    Words{"out_of_memory", OutOfMemory::kDevice, false},
    Words{"bad_alloc", OutOfMemory::kHost, false},
    Words{"cannot allocate memory", OutOfMemory::kHost, false},
    Words{"can't allocate memory", OutOfMemory::kHost, false},
    Words{"not enough memory", OutOfMemory::kHost, false},
};

OutOfMemory look_up(std::string_view message, bool printed) {
  std::string text(message);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto* found = std::find_if(kWords.begin(), kWords.end(), [&](const Words& words) {
    return (words.anywhere || !printed) && text.find(words.text) != std::string::npos;
  });
  return found == kWords.end() ? OutOfMemory::kNo : found->kind;
}

}  // namespace

OutOfMemory out_of_memory(std::string_view message) { return look_up(message, false); }
OutOfMemory out_of_memory_in_line(std::string_view line) { return look_up(line, true); }

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

std::string_view fail_class(OutOfMemory kind) {
  switch (kind) {
    case OutOfMemory::kHost:
      return "oom-host";
    case OutOfMemory::kDevice:
      return "oom-device";
    case OutOfMemory::kNo:
      break;
  }
  return {};
}

}  // namespace bluefin
