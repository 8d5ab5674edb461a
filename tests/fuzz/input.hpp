// SPDX-License-Identifier: MIT
// A fuzzer's bytes as choices.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace bluefin::fuzz {

// Each call takes bytes off the front; behind the end all are zero.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool done() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return static_cast<std::uint8_t>(c);
  }
  // 0 to n - 1; n is at most 256.
  std::size_t below(std::size_t n) { return byte() % n; }
  std::uint64_t word() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8U | byte();
    return value;
  }
  double real() {
    const std::uint64_t bits = word();
    double value = 0.0;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  // Up to 255 bytes, or all that is left.
  std::string text() {
    const std::size_t n = byte();
    const std::string_view front = rest_.substr(0, n);
    rest_.remove_prefix(front.size());
    return std::string(front);
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

}  // namespace bluefin::fuzz
