// SPDX-License-Identifier: MIT
#include "exec/initial_environment.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <iterator>
#include <sstream>

#include "core/unique_fd.hpp"

namespace bluefin {
namespace {

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// env_start and env_end of /proc/self/stat (proc(5): 50 and 51); the second field may hold spaces and parentheses.
Range range() {
  std::ifstream file("/proc/self/stat");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const std::size_t parenthesis = text.rfind(')');
  Range found;
  if (parenthesis == std::string::npos) {
    return found;
  }
  std::istringstream fields(text.substr(parenthesis + 1));
  std::string field;
  for (int number = 3; number < 50 && fields >> field; ++number) {
  }
  fields >> found.begin >> found.end;
  return fields ? found : Range();
}

}  // namespace

bool overwrite_initial_variable(std::string_view name, std::string_view value) {
  const Range where = range();
  const UniqueFd memory(::open("/proc/self/mem", O_RDWR | O_CLOEXEC));
  if (!memory || where.begin >= where.end) {
    return false;
  }
  std::string text(where.end - where.begin, '\0');
  if (::pread(memory.get(), text.data(), text.size(), static_cast<off_t>(where.begin)) !=
      static_cast<ssize_t>(text.size())) {
    return false;
  }
  const std::string key = '\0' + std::string(name) + '=';
  const std::size_t at = ('\0' + text).find(key);
  if (at == std::string::npos) {
    return false;
  }
  const std::size_t begin = at + key.size() - 1;
  if (text.find('\0', begin) != begin + value.size()) {
    return false;
  }
  return ::pwrite(memory.get(), value.data(), value.size(), static_cast<off_t>(where.begin + begin)) ==
         static_cast<ssize_t>(value.size());
}

}  // namespace bluefin
