// SPDX-License-Identifier: MIT
#include "file_size_signal.hpp"

#include <csignal>

namespace bluefin::cli {

void ignore_file_size_signal() {
  struct sigaction now {};
  if (sigaction(SIGXFSZ, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) return;
  now.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &now, nullptr);
}

}  // namespace bluefin::cli
