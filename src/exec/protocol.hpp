// SPDX-License-Identifier: MIT
// The words and the framing of docs/protocol.md, for both ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bluefin/error.hpp"
#include "core/json_nlohmann.hpp"

namespace bluefin::protocol {

inline constexpr int kVersion = 1;
inline constexpr std::size_t kMaxLine = std::size_t{1} << 20;  // bytes of a message without its newline

// Cuts a stream of bytes into lines and holds at most one line that is not complete.
class LineReader {
 public:
  explicit LineReader(std::size_t max_line = kMaxLine) : max_line_(max_line) {}
  void append(std::string_view bytes) { buffer_.append(bytes); }
  // The next complete line without its newline.
  std::optional<std::string> next();
  // What stands behind the last newline; the reader is empty afterwards.
  std::string take_rest();
  // Whether the line that is being read is longer than a message may be.
  bool too_long() const { return buffer_.size() - begin_ > max_line_; }

 private:
  std::size_t max_line_;
  std::string buffer_;
  std::size_t begin_ = 0;    // of the line that is being read
  std::size_t scanned_ = 0;  // up to here it has no newline: a line that comes byte by byte is not searched each time
};

// "invalid_argument", "not_found", ...; an unknown word reads as kInternal.
std::string_view code_word(ErrorCode code);
ErrorCode parse_code(std::string_view word);

// {"ok": true, "id": id, ...fields}\n; `id` is the request's, null where it has none.
std::string ok_line(const JsonTree& fields = JsonTree::object(), const JsonTree& id = {});
std::string error_line(ErrorCode code, std::string_view message, const JsonTree& id = {});
// The "id" of a request: a string or an integer, which the reply repeats. Null where there is none. Throws as below.
JsonTree id_member(const JsonTree& message);

// The members of a message. Throw Error(kInvalidArgument) that names the member when it is missing or of another kind.
// A number may also be one of the strings "nan", "inf", "-inf", for languages whose JSON has no such tokens.
const JsonTree& member(const JsonTree& message, const char* key);
std::string string_member(const JsonTree& message, const char* key);
double number_member(const JsonTree& message, const char* key);
std::int64_t integer_member(const JsonTree& message, const char* key);
std::vector<std::string> strings_member(const JsonTree& message, const char* key);
double as_number(const JsonTree& value, const char* key);

}  // namespace bluefin::protocol
