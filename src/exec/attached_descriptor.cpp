// SPDX-License-Identifier: MIT
#include "exec/attached_descriptor.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>

#include <charconv>
#include <cstdlib>
#include <string>
#include <system_error>

#include "bluefin/error.hpp"

namespace bluefin {

int take_descriptor(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("${} is not set: this process was not started for a trial", variable));
  }
  const std::string text = value;
  int fd = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), fd);
  int type = 0;
  socklen_t length = sizeof type;
  if (error != std::errc() || end != text.data() + text.size() ||
      ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) != 0) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("${} = {} is not an open socket: was it closed on the way from the supervisor?", variable, text));
  }
  // Programs that the objective starts must neither hold the socket nor take themselves for the trial.
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::unsetenv(variable);
  return fd;
}

}  // namespace bluefin
